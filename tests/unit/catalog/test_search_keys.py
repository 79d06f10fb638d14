"""The keys that the search compares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.store.search_keys import MAX_WORDS, name_key, words


@pytest.mark.parametrize(
    ("name", "key"),
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
def test_a_key_has_no_case_accents_or_apostrophes(name: str, key: str) -> None:
    assert name_key(name) == key


def test_combining_marks_that_make_another_letter_are_kept() -> None:
    assert name_key("か") != name_key("が")


@pytest.mark.parametrize(
    ("name", "expected"),
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
def test_words_are_split_at_punctuation_and_listed_once(name: str, expected: list[str]) -> None:
    assert words(name_key(name)) == expected


@given(st.text(max_size=60))
def test_the_key_of_a_key_is_the_key(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)


@given(st.text(max_size=60))
def test_case_does_not_matter(name: str) -> None:
    assert name_key(name.casefold()) == name_key(name)


def test_the_number_of_words_is_limited() -> None:
    name = " ".join(map(str, range(MAX_WORDS + 1)))
    assert words(name_key(name)) == [str(number) for number in range(MAX_WORDS)]
