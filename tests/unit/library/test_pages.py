from typing import Any, cast

import pytest

from seen.v1.types_pb2 import ANIME, BOOK, SHOW, ItemType
from services.common.errors import InvalidArgument, Unavailable
from services.library.datasets import Datasets
from services.library.pages import Page, Pages
from tests.unit.library.fakes import FakeDataset

ALL = cast(ItemType, 0)


def datasets_of(**names: list[str]) -> list[FakeDataset]:
    return [FakeDataset(cast(ItemType, ItemType.Value(of)), [(name, ["Drama"]) for name in names[of]]) for of in names]


def pages_of(datasets: list[FakeDataset]) -> Pages:
    return Pages(Datasets(cast(Any, datasets)))


def names(page: Page) -> list[str]:
    return [item.name for item in page.items]


async def test_the_datasets_take_turns_until_each_runs_out() -> None:
    pages = pages_of(datasets_of(BOOK=["b1", "b2", "b3"], SHOW=["s1"], ANIME=["a1", "a2"]))
    assert names(await pages.page(1, 4, ALL, "", "")) == ["b1", "s1", "a1", "b2"]
    assert names(await pages.page(2, 4, ALL, "", "")) == ["a2", "b3"]


async def test_one_type_is_listed_alone() -> None:
    page = await pages_of(datasets_of(BOOK=["b1"], SHOW=["s1", "s2"])).page(1, 10, SHOW, "", "")
    assert (names(page), page.total) == (["s1", "s2"], 2)


async def test_an_empty_library_has_an_empty_first_page() -> None:
    page = await pages_of(datasets_of(BOOK=[])).page(1, 10, ALL, "", "")
    assert (names(page), page.total) == ([], 0)


async def test_a_page_past_the_last_is_refused_and_the_last_one_named() -> None:
    with pytest.raises(InvalidArgument, match="the last one is 2") as refused:
        await pages_of(datasets_of(BOOK=["b1", "b2", "b3"])).page(3, 2, ALL, "", "")
    assert refused.value.field == "page"


async def test_a_dataset_that_goes_down_keeps_its_places_so_that_the_others_stay_on_their_pages() -> None:
    datasets = datasets_of(BOOK=["b1", "b2"], SHOW=["s1", "s2"])
    pages = pages_of(datasets)
    await pages.page(1, 2, ALL, "", "")
    datasets[1].down = True
    page = await pages.page(2, 2, ALL, "", "")
    assert (names(page), page.total, page.missing) == (["b2"], 4, [SHOW])


async def test_a_dataset_never_seen_is_named_as_missing() -> None:
    datasets = datasets_of(BOOK=["b1"], ANIME=["a1"])
    datasets[1].down = True
    page = await pages_of(datasets).page(1, 5, ALL, "", "")
    assert (names(page), page.missing) == (["b1"], [ANIME])


async def test_with_every_dataset_down_there_is_no_page() -> None:
    datasets = datasets_of(BOOK=["b1"])
    datasets[0].down = True
    with pytest.raises(Unavailable):
        await pages_of(datasets).page(1, 5, ALL, "", "")


async def test_a_search_puts_the_whole_name_first_then_beginnings_then_the_rest() -> None:
    pages = pages_of(datasets_of(BOOK=["A Dune Reader", "Dune Messiah"], SHOW=["Dune"]))
    page = await pages.page(1, 10, ALL, "", "Dune")
    assert (names(page), page.total) == (["Dune", "Dune Messiah", "A Dune Reader"], 3)


async def test_a_search_is_paged() -> None:
    pages = pages_of(datasets_of(BOOK=["Dune 1", "Dune 3"], SHOW=["Dune 2"]))
    assert names(await pages.page(2, 2, ALL, "", "Dune")) == ["Dune 3"]


async def test_an_item_without_the_category_is_not_on_its_page() -> None:
    datasets = datasets_of(BOOK=["b1"])
    assert names(await pages_of(datasets).page(1, 5, BOOK, "Fantasy", "")) == []
