import pytest

from seen.v1 import account_pb2
from services.account import domain
from services.account.domain import POINTS, MarkKind
from services.common.errors import InvalidArgument


def test_mark_kinds_are_those_of_the_proto() -> None:
    proto_kinds = {name: number for name, number in account_pb2.MarkKind.items() if number}
    assert {kind.name: kind.value for kind in MarkKind} == proto_kinds


def test_a_like_is_worth_three_times_a_seen() -> None:
    assert POINTS == {MarkKind.SEEN: 1, MarkKind.LIKE: 3}


def test_duplicate_categories_are_removed_and_the_order_is_kept() -> None:
    assert domain.check_categories(["b", "a", "b", "A"]) == ["b", "a", "A"]


@pytest.mark.parametrize("subject", [" ana ", "auth0|ana", "é", "e\u0301", "🦉" * 255])
def test_a_subject_is_not_changed(subject: str) -> None:
    assert domain.check_subject(subject) == subject


@pytest.mark.parametrize("subject", ["", "x" * 256, "a\0", "a\x7f", "a\n"])
def test_the_error_for_an_invalid_subject_names_the_field(subject: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        domain.check_subject(subject)
    assert caught.value.field == "subject"
