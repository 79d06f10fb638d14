import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.account import usernames
from services.common.errors import InvalidArgument


def accepts(username: str) -> bool:
    try:
        usernames.checked(username)
    except InvalidArgument:
        return False
    return True


@pytest.mark.parametrize(
    "username", ["a", "ana", "Ana.Maria_2-b", "José", "Ольга", "李小龍", "अनीता", "สมชาย", "٣", "x" * 40, "...", "ß"]
)
def test_letters_and_digits_of_any_script_make_a_name(username: str) -> None:
    assert usernames.checked(username) == username


def test_a_name_is_kept_composed() -> None:
    assert usernames.checked("Jose\u0301" + "x" * 36) == "José" + "x" * 36


@pytest.mark.parametrize(
    "username",
    [
        "",
        "x" * 41,
        "x" * 10**6,
        " ",
        "a b",
        "a\0",
        "a\n",
        "a/b",
        "a@b",
        "a%",
        "😀",
        "\u0301a",
        "\u202ea",
        "a\u200d",
        "½",
    ],
)
def test_anything_else_does_not(username: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        usernames.checked(username)
    assert caught.value.field == "username"


@pytest.mark.parametrize("username", ["\u3164", "\u115f", "a\ufe0f", "a\u034f", "\uffa0b"])
def test_invisible_letters_are_none(username: str) -> None:
    with pytest.raises(InvalidArgument):
        usernames.checked(username)


@pytest.mark.parametrize("username", ["ﷺ", "ﹰ", "ͺ"])
def test_letters_that_fold_to_a_space_are_none(username: str) -> None:
    with pytest.raises(InvalidArgument):
        usernames.checked(username)


@pytest.mark.parametrize("same", ["ANA", "Ana", "Ａｎａ", "ªna"])
def test_the_key_is_the_same_whatever_the_case_and_width(same: str) -> None:
    assert usernames.key(same) == usernames.key("ana")


def test_the_key_of_any_name_fits_its_column() -> None:
    for character in map(chr, range(0x110000)):
        if unicodedata.category(character)[0] in "LMN" and accepts("a" + character):
            assert len(usernames.key(character)) <= usernames.LONGEST_KEY / usernames.LONGEST, hex(ord(character))


names = st.text(st.characters(categories=["L", "Nd"], include_characters="._-"), min_size=1, max_size=40)


@given(st.text(max_size=60).filter(lambda name: not accepts(name)))
def test_what_is_refused_names_its_field(username: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        usernames.checked(username)
    assert caught.value.field == "username"


@given(names.filter(accepts))
def test_what_is_accepted_stays_so_and_its_key_fits(username: str) -> None:
    checked = usernames.checked(username)
    assert usernames.checked(checked) == checked
    assert usernames.key(usernames.key(checked)) == usernames.key(checked)
    assert len(usernames.key(checked)) <= usernames.LONGEST_KEY


def test_a_prefix_may_hold_what_no_name_does() -> None:
    assert usernames.prefix_key("A%_ b") == "a%_ b"
