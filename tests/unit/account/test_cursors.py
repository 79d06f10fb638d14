import base64
import datetime
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.account import cursors
from services.account.domain import ExportKey, ItemRef, Mark
from services.common.errors import InvalidArgument

marks = st.builds(
    Mark,
    st.builds(ItemRef, st.integers(0, 999), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)),
    st.datetimes(timezones=st.just(datetime.UTC)),
)


@given(marks)
def test_decoding_a_cursor_returns_its_mark(mark: Mark) -> None:
    assert cursors.decode(cursors.encode(mark)) == mark


@given(marks)
def test_a_cursor_is_url_safe_and_within_the_limit(mark: Mark) -> None:
    assert len(cursors.encode(mark)) <= cursors.MAX_LENGTH
    assert set(cursors.encode(mark)) <= set(string.ascii_letters + string.digits + "-_")


def test_an_empty_cursor_means_the_first_page() -> None:
    assert cursors.decode("") is None


def assert_refused(cursor: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        cursors.decode(cursor)
    assert refused.value.field == "cursor"


@given(st.text(min_size=1))
def test_random_text_is_refused(cursor: str) -> None:
    assert_refused(cursor)


@pytest.mark.parametrize("cursor", ["x", "!!!", "AAAA", "MTIz", "MS4x", "x" * 10_000, "\0", "é"])
def test_text_that_is_not_an_encoded_mark_is_refused(cursor: str) -> None:
    assert_refused(cursor)


DECODED = [b"1.1", b"1.1.", b"x.1.a", b"999999999999999999.1.a", b"1.1.\xff", "1.١.a".encode(), b"01.1.a"]


@pytest.mark.parametrize("text", DECODED)
def test_encoded_text_that_is_not_a_mark_is_refused(text: bytes) -> None:
    assert_refused(base64.urlsafe_b64encode(text).decode().rstrip("="))


export_keys = st.builds(
    ExportKey,
    st.integers(1, 10**18 - 1),
    st.integers(1, 999),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64),
    st.integers(1, 9),
)


@given(export_keys)
def test_decoding_a_cursor_of_the_export_returns_its_key(key: ExportKey) -> None:
    cursor = cursors.encode_export(key)
    assert cursors.decode_export(cursor) == key
    assert len(cursor) <= cursors.MAX_LENGTH


def test_a_cursor_of_another_list_is_refused() -> None:
    noon = datetime.datetime(2026, 2, 2, 12, tzinfo=datetime.UTC)
    with pytest.raises(InvalidArgument):
        cursors.decode_export(cursors.encode(Mark(ItemRef(1, "dune"), noon)))
