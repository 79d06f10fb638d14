"""How many calls of other services a request needs."""

from collections.abc import Sequence

from services.library.browse import LibraryPages
from services.library.datasets import Datasets
from tests.unit.library.fakes import ANIME, BOOK, SHOW, FakeDataset, FakeItem

TYPES = (BOOK, SHOW, ANIME)
ALL = 0


def calls(datasets: Sequence[FakeDataset]) -> list[dict[str, int]]:
    """By dataset, since the last time."""
    counted = [dict(dataset.calls) for dataset in datasets]
    for dataset in datasets:
        dataset.calls.clear()
    return counted


def drama(count: int) -> list[tuple[str, Sequence[str]]]:
    return [(f"Drama {number}", ["Drama"]) for number in range(count)]


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
