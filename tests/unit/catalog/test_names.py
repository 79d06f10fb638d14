"""How names are made comparable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog import names


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Amélie", "amelie"),
        ("  The   Thing ", "the thing"),
        ("Don't Look Up", "dont look up"),
        ("Don’t Look Up", "dont look up"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Bjørn Æsir", "bjorn aesir"),
        ("ＦＵＬＬ", "full"),
        ("ガンダム", "ガンダム"),
        ("İstanbul", "istanbul"),
        ("!!!", "!!!"),
    ],
)
def test_a_name_folds(name: str, folded: str) -> None:
    assert names.fold(name) == folded


def test_marks_that_make_another_letter_stay() -> None:
    assert names.fold("か") != names.fold("が")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Spider-Man: Far from Home", ["spider", "man", "far", "from", "home"]),
        ("New York, New York", ["new", "york"]),
        ("WALL·E", ["wall", "e"]),
        ("snake_case", ["snake", "case"]),
        ("1984", ["1984"]),
        ("千と千尋の神隠し", ["千と千尋の神隠し"]),
        ("!!!", []),
    ],
)
def test_a_name_has_words(name: str, words: list[str]) -> None:
    assert names.words(names.fold(name)) == words


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(name: str) -> None:
    folded = names.fold(name)
    assert names.fold(folded) == folded


@given(st.text(max_size=60))
def test_case_does_not_matter(name: str) -> None:
    assert names.fold(name.casefold()) == names.fold(name)


@given(st.text(min_size=300, max_size=500))
def test_a_name_has_a_bounded_number_of_words(name: str) -> None:
    assert len(names.words(names.fold(name))) <= names.MOST_WORDS
