import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.account import usernames
from services.common.errors import InvalidArgument


def accepts(username: str) -> bool:
    try:
        usernames.check(username)
    except InvalidArgument:
        return False
    return True


@pytest.mark.parametrize(
    "username", ["a", "ana", "Ana.Maria_2-b", "José", "Ольга", "李小龍", "अनीता", "สมชาย", "٣", "x" * 40, "...", "ß"]
)
def test_letters_and_digits_of_any_script_are_accepted(username: str) -> None:
    assert usernames.check(username) == username


def test_a_username_is_composed_before_its_length_is_checked() -> None:
    assert usernames.check("Jose\u0301" + "x" * 36) == "José" + "x" * 36


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
        "<b>",
        "😀",
        "\u0301a",
        "\u202eana",
        "a\u200d",
        "½",
    ],
)
def test_other_characters_and_lengths_are_refused_and_the_error_names_the_field(username: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        usernames.check(username)
    assert caught.value.field == "username"


@pytest.mark.parametrize("username", ["\u3164", "\u115f", "a\ufe0f", "a\u034f", "\uffa0b"])
def test_invisible_letters_are_refused(username: str) -> None:
    with pytest.raises(InvalidArgument):
        usernames.check(username)


@pytest.mark.parametrize("username", ["ﷺ", "ﹰ", "ͺ"])
def test_letters_whose_key_contains_a_space_are_refused(username: str) -> None:
    with pytest.raises(InvalidArgument):
        usernames.check(username)


@pytest.mark.parametrize("same", ["ANA", "Ana", "Ａｎａ", "ªna"])
def test_usernames_that_differ_in_case_or_width_have_the_same_key(same: str) -> None:
    assert usernames.key(same) == usernames.key("ana")


def test_no_character_folds_to_more_than_four() -> None:
    for character in map(chr, range(0x110000)):
        if len(usernames.key(character)) > usernames.MAX_KEY_LENGTH / usernames.MAX_LENGTH:
            assert not accepts("a" + character), hex(ord(character))


names = st.text(st.characters(categories=["L", "Nd"], include_characters="._-"), min_size=1, max_size=40)


@given(st.text(max_size=60).filter(lambda name: not accepts(name)))
def test_every_error_names_the_field(username: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        usernames.check(username)
    assert caught.value.field == "username"


@given(names.filter(accepts))
def test_an_accepted_username_and_its_key_stay_the_same_when_checked_again(username: str) -> None:
    composed = usernames.check(username)
    assert usernames.check(composed) == composed
    assert usernames.key(usernames.key(composed)) == usernames.key(composed)
    assert len(usernames.key(composed)) <= usernames.MAX_KEY_LENGTH


def test_a_prefix_need_not_be_a_valid_username() -> None:
    assert usernames.prefix_key("A%_ b") == "a%_ b"
