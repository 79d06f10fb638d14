import base64
import datetime
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.account import cursors
from services.account.domain import Item, Mark
from services.common.errors import InvalidArgument

marks = st.builds(
    Mark,
    st.builds(Item, st.integers(0, 999), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)),
    st.datetimes(timezones=st.just(datetime.UTC)),
)


@given(marks)
def test_a_cursor_leads_back_to_its_mark(mark: Mark) -> None:
    assert cursors.position(cursors.after(mark)) == mark


@given(marks)
def test_a_cursor_is_safe_in_a_url(mark: Mark) -> None:
    assert set(cursors.after(mark)) <= set(string.ascii_letters + string.digits + "-_")


def test_no_cursor_is_the_first_page() -> None:
    assert cursors.position("") is None


@given(st.text(min_size=1))
def test_no_other_text_is_a_cursor(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        cursors.position(text)
    assert caught.value.field == "cursor"


PLAIN = [b"1.1", b"1.1.", b"x.1.a", b"999999999999999999.1.a", b"1.1.\xff", "1.١.a".encode(), b"01.1.a"]


@pytest.mark.parametrize("plain", PLAIN)
def test_what_only_looks_like_a_cursor_is_refused(plain: bytes) -> None:
    with pytest.raises(InvalidArgument):
        cursors.position(base64.urlsafe_b64encode(plain).decode().rstrip("="))
