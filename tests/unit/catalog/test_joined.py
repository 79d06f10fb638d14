"""Numbers joined by a key, and ids met once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.adapter import Row
from services.catalog.item import Skipped
from services.catalog.load import joined, rows
from services.catalog.load.joined import NumberColumn
from services.catalog.load.once import Once
from services.imdb.adapter import ImdbTitles

(RATINGS,) = ImdbTitles().joined


def column(*given_rows: Row | Skipped) -> NumberColumn:
    filled = NumberColumn(RATINGS)
    filled.fill(given_rows)
    return filled


def rating(key: str, value: str) -> Row:
    return {"tconst": key, "averageRating": value, "numVotes": "1"}


def test_a_key_finds_its_number() -> None:
    ratings = column(rating("tt0000001", "5.7"), rating("tt0000002", "10"), rating("tt10000000", "1.05"))
    assert [ratings.of(key) for key in ("tt0000001", "tt0000002", "tt10000000")] == ["5.7", "10", "1.05"]
    assert ratings.used == 3


def test_a_key_without_a_number_finds_nothing() -> None:
    ratings = column(rating("tt0000001", "5.7"), rating("tt0000003", "5.8"))
    assert [ratings.of(key) for key in ("tt0000000", "tt0000002", "tt0000004", "?", "")] == [""] * 5
    assert ratings.used == 0


@given(st.dictionaries(st.integers(0, 10**8), st.integers(10, 100), max_size=50))
def test_the_order_of_the_file_does_not_matter(values: dict[int, int]) -> None:
    ratings = column(*(rating(f"tt{key:07}", f"{value / 10}") for key, value in values.items()))
    for key, value in values.items():
        assert float(ratings.of(f"tt{key:07}")) == value / 10


def test_rows_that_say_nothing_are_counted_by_reason() -> None:
    ratings = column(
        rating("tt0000001", "0"), rating("tt0000002", "\\N"), rating("x", "5"), rows.CUT_OFF, rating("tt0000009", "11")
    )
    assert ratings.skipped == {joined.NO_NUMBER: 3, joined.NO_KEY: 1, rows.CUT_OFF.reason: 1}
    assert ratings.rows == 5


@pytest.mark.parametrize("ids", [["tt0000012", "tt0000013", "tt10000012", "12", "012", "x", "", "tt", "a1b2"]])
def test_an_id_is_new_once(ids: list[str]) -> None:
    once = Once()
    assert [once.is_new(source_id) for source_id in ids] == [True] * len(ids)
    assert [once.is_new(source_id) for source_id in ids] == [False] * len(ids)


@given(st.lists(st.text("0123tx", max_size=6)))
def test_ids_are_told_apart_as_a_set_would(ids: list[str]) -> None:
    once, met = Once(), set[str]()
    for source_id in ids:
        assert once.is_new(source_id) == (source_id not in met)
        met.add(source_id)
