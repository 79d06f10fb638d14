"""Pages of the library: their items, their total, and how many calls of the datasets they need."""

import pytest

from services.common.errors import InvalidArgument, Unavailable
from services.library.datasets import Datasets
from services.library.pages import LibraryPages, Page
from tests.unit.library.fakes import ANIME, BOOK, SHOW, FakeDataset, FakeItem, items

ALL = 0


def datasets_with(names: dict[int, list[str]]) -> list[FakeDataset]:
    return [FakeDataset(item_type, [(name, ["Drama"]) for name in names[item_type]]) for item_type in names]


def pages_of(datasets: list[FakeDataset]) -> LibraryPages:
    return LibraryPages(Datasets(datasets))


def new_calls(datasets: list[FakeDataset]) -> list[dict[str, int]]:
    return [dataset.new_calls() for dataset in datasets]


def names(page: Page) -> list[str]:
    return [item.name for item in page.items if isinstance(item, FakeItem)]


async def test_the_datasets_items_are_interleaved_until_each_runs_out() -> None:
    pages = pages_of(datasets_with({BOOK: ["b1", "b2", "b3"], SHOW: ["s1"], ANIME: ["a1", "a2"]}))
    assert names(await pages.page(1, 4, ALL, "", "")) == ["b1", "s1", "a1", "b2"]
    assert names(await pages.page(2, 4, ALL, "", "")) == ["a2", "b3"]


async def test_a_page_of_one_type_holds_only_that_type() -> None:
    page = await pages_of(datasets_with({BOOK: ["b1"], SHOW: ["s1", "s2"]})).page(1, 10, SHOW, "", "")
    assert (names(page), page.total) == (["s1", "s2"], 2)


async def test_an_empty_library_has_an_empty_first_page() -> None:
    page = await pages_of(datasets_with({BOOK: []})).page(1, 10, ALL, "", "")
    assert (names(page), page.total) == ([], 0)


async def test_a_page_past_the_last_is_refused_and_the_error_names_the_last() -> None:
    with pytest.raises(InvalidArgument, match="the last one is 2") as refused:
        await pages_of(datasets_with({BOOK: ["b1", "b2", "b3"]})).page(3, 2, ALL, "", "")
    assert refused.value.field == "page"


async def test_items_stay_on_their_pages_when_another_dataset_goes_down() -> None:
    datasets = datasets_with({BOOK: ["b1", "b2"], SHOW: ["s1", "s2"]})
    pages = pages_of(datasets)
    await pages.page(1, 2, ALL, "", "")
    datasets[1].down = True
    page = await pages.page(2, 2, ALL, "", "")
    assert (names(page), page.total, page.missing) == (["b2"], 4, [SHOW])


async def test_a_dataset_that_has_never_answered_is_reported_as_missing() -> None:
    datasets = datasets_with({BOOK: ["b1"], ANIME: ["a1"]})
    datasets[1].down = True
    page = await pages_of(datasets).page(1, 5, ALL, "", "")
    assert (names(page), page.missing) == (["b1"], [ANIME])


async def test_a_page_is_unavailable_if_every_dataset_is_down() -> None:
    datasets = datasets_with({BOOK: ["b1"]})
    datasets[0].down = True
    with pytest.raises(Unavailable):
        await pages_of(datasets).page(1, 5, ALL, "", "")


async def test_a_search_ranks_whole_names_before_prefixes_before_other_matches() -> None:
    pages = pages_of(datasets_with({BOOK: ["A Dune Reader", "Dune Messiah"], SHOW: ["Dune"]}))
    page = await pages.page(1, 10, ALL, "", "Dune")
    assert (names(page), page.total) == (["Dune", "Dune Messiah", "A Dune Reader"], 3)


async def test_a_search_is_paged() -> None:
    pages = pages_of(datasets_with({BOOK: ["Dune 1", "Dune 3"], SHOW: ["Dune 2"]}))
    assert names(await pages.page(2, 2, ALL, "", "Dune")) == ["Dune 3"]


async def test_a_category_page_leaves_out_items_without_the_category() -> None:
    datasets = datasets_with({BOOK: ["b1"]})
    assert names(await pages_of(datasets).page(1, 5, BOOK, "Fantasy", "")) == []


async def test_a_page_is_one_call_per_dataset_once_the_counts_are_known() -> None:
    datasets = [FakeDataset(item_type, items(["Drama"], 20)) for item_type in (BOOK, SHOW, ANIME)]
    pages = pages_of(datasets)
    await pages.page(1, 9, ALL, "", "")
    assert new_calls(datasets) == [{"count": 1, "list": 1}] * 3
    await pages.page(2, 9, ALL, "", "")
    assert new_calls(datasets) == [{"list": 1}] * 3


async def test_a_dataset_without_items_on_the_page_is_asked_for_its_count_only() -> None:
    datasets = [FakeDataset(BOOK, items(["Drama"], 20)), FakeDataset(SHOW, items(["Drama"], 3))]
    pages = pages_of(datasets)
    await pages.page(1, 9, ALL, "", "")
    new_calls(datasets)
    await pages.page(2, 9, ALL, "", "")
    assert new_calls(datasets) == [{"list": 1}, {"count": 1}]


async def test_a_page_of_a_category_without_items_is_one_call_per_dataset() -> None:
    datasets = [FakeDataset(item_type, items(["Drama"], 20)) for item_type in (BOOK, SHOW, ANIME)]
    await pages_of(datasets).page(1, 9, ALL, "War", "")
    assert new_calls(datasets) == [{"count": 1}] * 3


async def test_a_changed_count_takes_a_second_call_of_the_datasets_whose_items_it_moves() -> None:
    datasets = [FakeDataset(BOOK, items(["Drama"], 2)), FakeDataset(SHOW, items(["Drama"], 20))]
    pages = pages_of(datasets)
    await pages.page(1, 30, ALL, "", "")
    new_calls(datasets)
    datasets[0].items.append(FakeItem(BOOK, "f" * 24, "new", ["Drama"]))

    page = await pages.page(1, 30, ALL, "", "")
    assert new_calls(datasets) == [{"list": 2}, {"list": 1}]
    assert (page.total, len(page.items), page.items[4].id) == (23, 23, "f" * 24)
