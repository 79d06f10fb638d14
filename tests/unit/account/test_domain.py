import pytest

from seen.v1 import account_pb2
from services.account import domain
from services.account.domain import POINTS, Kind
from services.common.errors import InvalidArgument


def test_the_kinds_are_the_protocols() -> None:
    named = {name: number for name, number in account_pb2.MarkKind.items() if number}
    assert {kind.name: kind.value for kind in Kind} == named


def test_a_like_is_worth_three_seen() -> None:
    assert POINTS == {Kind.SEEN: 1, Kind.LIKE: 3}


def test_categories_keep_their_order_and_come_once() -> None:
    assert domain.checked_categories(["b", "a", "b", "A"]) == ["b", "a", "A"]


@pytest.mark.parametrize("subject", [" ana ", "auth0|ana", "é", "e\u0301", "🦉" * 255])
def test_a_subject_is_taken_as_it_is(subject: str) -> None:
    assert domain.checked_subject(subject) == subject


@pytest.mark.parametrize("subject", ["", "x" * 256, "a\0", "a\x7f", "a\n"])
def test_a_subject_that_cannot_be_one_names_its_field(subject: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        domain.checked_subject(subject)
    assert caught.value.field == "subject"
