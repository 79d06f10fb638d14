"""The loader's compact look-ups."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.adapter import Row
from services.catalog.item import Skipped
from services.catalog.loader import lookups, tables
from services.catalog.loader.lookups import IdSet, JoinedNumbers
from services.imdb.adapter import ImdbTitles

(RATINGS,) = ImdbTitles().joined


def column(*ratings: Row | Skipped) -> JoinedNumbers:
    filled = JoinedNumbers(RATINGS)
    filled.fill(ratings)
    return filled


def rating(key: str, value: str, votes: str = "0") -> Row:
    return {"tconst": key, "averageRating": value, "numVotes": votes}


def test_numbers_are_found_by_their_key() -> None:
    ratings = column(
        rating("tt0000001", "5.7", "12"), rating("tt0000002", "10", "3123456"), rating("tt10000000", "1.05", "7")
    )
    cells = [ratings.get(key) for key in ("tt0000001", "tt0000002", "tt10000000")]
    assert cells == [["5.7", "12"], ["10", "3123456"], ["1.05", "7"]]
    assert ratings.used == 3


def test_one_unreadable_number_does_not_hide_the_other() -> None:
    ratings = column(rating("tt0000001", "5.7", "\\N"), rating("tt0000002", "99", "12"))
    assert [ratings.get(key) for key in ("tt0000001", "tt0000002")] == [["5.7", ""], ["", "12"]]


def test_the_first_of_several_rows_with_the_same_key_is_used() -> None:
    ratings = column(rating("tt0000001", "5.7", "12"), rating("tt0000001", "4.3", "1"))
    assert ratings.get("tt0000001") == ["5.7", "12"]


def test_a_key_without_a_row_gives_empty_cells() -> None:
    ratings = column(rating("tt0000001", "5.7"), rating("tt0000003", "5.8"))
    assert [ratings.get(key) for key in ("tt0000000", "tt0000002", "tt0000004", "?", "")] == [["", ""]] * 5
    assert ratings.used == 0


@given(st.dictionaries(st.integers(0, 10**8), st.integers(10, 100), max_size=50))
def test_the_order_of_the_file_does_not_matter(values: dict[int, int]) -> None:
    ratings = column(*(rating(f"tt{key:07}", f"{value / 10}") for key, value in values.items()))
    for key, value in values.items():
        assert float(ratings.get(f"tt{key:07}")[0]) == value / 10


def test_invalid_rows_are_counted_by_reason() -> None:
    ratings = column(
        rating("tt0000001", "0"),
        rating("tt0000002", "\\N"),
        rating("x", "5"),
        tables.INCOMPLETE,
        rating("tt0000009", "11"),
    )
    assert ratings.skipped == {lookups.NO_NUMBER: 3, lookups.NO_KEY: 1, tables.INCOMPLETE.reason: 1}
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
