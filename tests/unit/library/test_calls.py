"""How many calls of other services a request needs."""

from collections.abc import Sequence

from services.library.browse import LibraryPages
from services.library.datasets import Datasets
from services.library.domain import ItemRef
from services.library.marks import top_ten
from tests.unit.library.fakes import ANIME, BOOK, SHOW, FakeAccounts, FakeDataset, FakeItem
from tests.unit.library.test_suggestions import suggestions

TYPES = (BOOK, SHOW, ANIME)
ALL = 0


def calls(datasets: Sequence[FakeDataset]) -> list[dict[str, int]]:
    """By dataset, since the last time."""
    counted = [dict(dataset.calls) for dataset in datasets]
    for dataset in datasets:
        dataset.calls.clear()
    return counted


def drama(count: int) -> list[tuple[str, Sequence[str]]]:
    return items(["Drama"], count)


def items(category: Sequence[str], count: int) -> list[tuple[str, Sequence[str]]]:
    return [(f"{category} {number}", category) for number in range(count)]


async def test_a_page_is_one_call_per_dataset_once_the_counts_are_known() -> None:
    datasets = [FakeDataset(item_type, drama(20)) for item_type in TYPES]
    pages = LibraryPages(Datasets(datasets))
    await pages.page(1, 9, ALL, "", "")
    assert calls(datasets) == [{"count": 1, "list": 1}] * 3
    await pages.page(2, 9, ALL, "", "")
    assert calls(datasets) == [{"list": 1}] * 3


async def test_a_dataset_without_items_on_the_page_is_asked_for_its_count_only() -> None:
    datasets = [FakeDataset(BOOK, drama(20)), FakeDataset(SHOW, drama(3))]
    pages = LibraryPages(Datasets(datasets))
    await pages.page(1, 9, ALL, "", "")
    calls(datasets)
    await pages.page(2, 9, ALL, "", "")
    assert calls(datasets) == [{"list": 1}, {"count": 1}]


async def test_a_page_of_a_category_without_items_is_one_call_per_dataset() -> None:
    datasets = [FakeDataset(item_type, drama(20)) for item_type in TYPES]
    await LibraryPages(Datasets(datasets)).page(1, 9, ALL, "War", "")
    assert calls(datasets) == [{"count": 1}] * 3


async def test_a_changed_count_takes_a_second_call_of_the_datasets_whose_items_it_moves() -> None:
    datasets = [FakeDataset(BOOK, drama(2)), FakeDataset(SHOW, drama(20))]
    pages = LibraryPages(Datasets(datasets))
    await pages.page(1, 30, ALL, "", "")
    calls(datasets)
    datasets[0].items.append(FakeItem(BOOK, "f" * 24, "new", ["Drama"]))

    page = await pages.page(1, 30, ALL, "", "")
    assert calls(datasets) == [{"list": 2}, {"list": 1}]
    assert (page.total, len(page.items), page.items[4].id) == (23, 23, "f" * 24)


async def test_suggestions_are_one_sample_per_dataset_and_one_look_up_of_marks() -> None:
    datasets = [FakeDataset(item_type, items(["A", "B", "C"], 90)) for item_type in TYPES]
    accounts = FakeAccounts({"A": 3, "B": 2, "C": 1})
    answer = await suggestions(datasets, accounts)
    assert len(answer.suggestions) == 45
    assert calls(datasets) == [{"sample": 1}] * 3
    assert accounts.calls == {"top_categories": 1, "filter_marked": 1}


async def test_categories_without_items_take_no_further_sample() -> None:
    dataset = FakeDataset(SHOW, items(["E"], 90))
    answer = await suggestions([dataset], FakeAccounts(dict.fromkeys("ABCDE", 1)))
    assert len(answer.suggestions) == 5
    assert calls([dataset]) == [{"sample": 1}]


async def test_only_datasets_that_lack_suggestions_are_sampled_again_and_no_item_is_looked_up_twice() -> None:
    marked, unmarked = FakeDataset(BOOK, drama(30)), FakeDataset(SHOW, drama(30))
    accounts = FakeAccounts({"Drama": 1}, [ItemRef(BOOK, item.id) for item in marked.items[:29]])
    await suggestions([marked, unmarked], accounts)
    assert calls([marked, unmarked]) == [{"sample": 2}, {"sample": 1}]
    assert accounts.calls["filter_marked"] == 2
    assert accounts.looked_up == 30 + 8


async def test_suggestions_without_a_user_need_only_the_datasets() -> None:
    datasets, accounts = [FakeDataset(item_type, drama(90)) for item_type in TYPES], FakeAccounts()
    await suggestions(datasets, accounts, subject="")
    assert calls(datasets) == [{"sample": 1}] * 3
    assert not accounts.calls


async def test_the_top_ten_reads_twenty_items_only_if_some_are_deleted() -> None:
    dataset, accounts = FakeDataset(BOOK, drama(30)), FakeAccounts()
    accounts.likes = [(ItemRef(BOOK, item.id), 30 - number) for number, item in enumerate(dataset.items)]
    for deleted, batches in ((0, 1), (3, 2)):
        del dataset.items[:deleted]
        top = await top_ten(Datasets([dataset]), accounts, BOOK)
        assert [item.id for item, _ in top] == [item.id for item in dataset.items[:10]]
        assert calls([dataset]) == [{"batch_get": batches}]
