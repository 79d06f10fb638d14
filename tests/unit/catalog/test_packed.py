"""The loader's compact collections."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.adapter import Row
from services.catalog.item import Skipped
from services.catalog.loader import packed, rows
from services.catalog.loader.packed import IdSet, NumberColumn
from services.imdb.adapter import ImdbTitles

(RATINGS,) = ImdbTitles().joined


def column(*ratings: Row | Skipped) -> NumberColumn:
    filled = NumberColumn(RATINGS)
    filled.fill(ratings)
    return filled


def rating(key: str, value: str) -> Row:
    return {"tconst": key, "averageRating": value, "numVotes": "1"}


def test_a_number_is_found_by_its_key() -> None:
    ratings = column(rating("tt0000001", "5.7"), rating("tt0000002", "10"), rating("tt10000000", "1.05"))
    assert [ratings.get(key) for key in ("tt0000001", "tt0000002", "tt10000000")] == ["5.7", "10", "1.05"]
    assert ratings.used == 3


def test_a_key_without_a_number_gives_an_empty_cell() -> None:
    ratings = column(rating("tt0000001", "5.7"), rating("tt0000003", "5.8"))
    assert [ratings.get(key) for key in ("tt0000000", "tt0000002", "tt0000004", "?", "")] == [""] * 5
    assert ratings.used == 0


@given(st.dictionaries(st.integers(0, 10**8), st.integers(10, 100), max_size=50))
def test_the_order_of_the_file_does_not_matter(values: dict[int, int]) -> None:
    ratings = column(*(rating(f"tt{key:07}", f"{value / 10}") for key, value in values.items()))
    for key, value in values.items():
        assert float(ratings.get(f"tt{key:07}")) == value / 10


def test_invalid_rows_are_counted_by_reason() -> None:
    ratings = column(
        rating("tt0000001", "0"),
        rating("tt0000002", "\\N"),
        rating("x", "5"),
        rows.INCOMPLETE,
        rating("tt0000009", "11"),
    )
    assert ratings.skipped == {packed.NO_NUMBER: 3, packed.NO_KEY: 1, rows.INCOMPLETE.reason: 1}
    assert ratings.rows == 5


@pytest.mark.parametrize("source_ids", [["tt0000012", "tt0000013", "tt10000012", "12", "012", "x", "", "tt", "a1b2"]])
def test_similar_ids_are_distinguished(source_ids: list[str]) -> None:
    ids = IdSet()
    assert [ids.add(source_id) for source_id in source_ids] == [True] * len(source_ids)
    assert [ids.add(source_id) for source_id in source_ids] == [False] * len(source_ids)


@given(st.lists(st.text("0123tx", max_size=6)))
def test_an_id_set_behaves_like_a_set(source_ids: list[str]) -> None:
    ids, expected = IdSet(), set[str]()
    for source_id in source_ids:
        assert ids.add(source_id) == (source_id not in expected)
        expected.add(source_id)
