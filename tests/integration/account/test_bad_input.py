"""Requests that the service refuses before it asks the database; one database is therefore enough."""

import pytest

from seen.v1 import account_pb2
from seen.v1.account_pb2 import SEEN, ExportMarksRequest
from seen.v1.types_pb2 import BOOK, ItemRef
from services.account import servicer
from services.common.errors import InvalidArgument, NotFound
from tests.integration.account.calls import (
    Account,
    book,
    create,
    filter_marked,
    get_marks,
    mark,
    page,
    points,
    raises,
    recent,
    remove_item,
    rename,
    search,
    top,
    unmark,
    user,
)
from tests.integration.account.conftest import IN_SHARED_LOOP, ON_SQLITE

pytestmark = [IN_SHARED_LOOP, ON_SQLITE]


async def test_an_invalid_subject_is_refused(account: Account) -> None:
    for subject in ["", "x" * 256, "a\0b", "a\nb"]:
        with raises(InvalidArgument, "subject"):
            await user(account, subject)
        with raises(InvalidArgument, "subject"):
            await mark(account, subject, book("dune"))


async def test_an_invalid_username_is_refused_and_creates_no_account(account: Account) -> None:
    for username in ["", "a b", "x" * 1_000_000]:
        with raises(InvalidArgument, "username"):
            await create(account, "auth0|ana", username)
        with raises(InvalidArgument, "username"):
            await rename(account, "auth0|ana", username)
        with raises(NotFound):
            await user(account, "auth0|ana")


async def test_an_invalid_prefix_is_refused(account: Account) -> None:
    for prefix in ["", "x" * 41, "a\0", "x" * 1_000_000]:
        with raises(InvalidArgument, "prefix"):
            await search(account, prefix)


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (ItemRef(), "type"),
        (ItemRef(id="x"), "type"),
        (ItemRef(type=99, id="x"), "type"),  # type: ignore[arg-type]
        (book(""), "id"),
        (book("x" * 65), "id"),
        (book("a\0"), "id"),
    ],
)
async def test_an_invalid_item_is_refused(account: Account, item: ItemRef, field: str) -> None:
    for call in (mark(account, "ana", item), unmark(account, "ana", item), remove_item(account, item)):
        with raises(InvalidArgument, field):
            await call
    with raises(InvalidArgument, field):
        await filter_marked(account, "ana", [book("fine"), item])
    with raises(NotFound):
        await user(account, "ana")


@pytest.mark.parametrize("kind", [0, 4, -1])
async def test_an_unknown_kind_is_refused(account: Account, kind: account_pb2.MarkKind) -> None:
    for call in (mark(account, "a", book("x"), kind), unmark(account, "a", book("x"), kind), page(account, "a", kind)):
        with raises(InvalidArgument, "kind"):
            await call


async def test_an_unknown_type_is_refused_with_the_list_of_types(account: Account) -> None:
    with raises(InvalidArgument, "type", message="must be one of BOOK, SHOW, ANIME"):
        await top(account, 99)  # type: ignore[arg-type]


async def test_invalid_categories_are_refused(account: Account) -> None:
    for category in [[""], ["x" * 256], ["a\0"], [str(n) for n in range(101)]]:
        with raises(InvalidArgument, "category"):
            await mark(account, "ana", book("x"), SEEN, category)


async def test_invalid_themes_are_refused(account: Account) -> None:
    for names in [[""], ["x" * 256], ["a\0"], [str(n) for n in range(201)]]:
        with raises(InvalidArgument, "themes"):
            await mark(account, "ana", book("x"), SEEN, themes=names, category=[])


async def test_a_size_or_limit_out_of_range_is_refused(account: Account) -> None:
    for size in (0, -1, servicer.MAX_LIST_SIZE + 1, 2**31 - 1):
        with raises(InvalidArgument, "size"):
            await page(account, "ana", size=size)
        with raises(InvalidArgument, "limit"):
            await points(account, "ana", size)
        with raises(InvalidArgument, "limit"):
            await top(account, BOOK, size)
    for size in (0, -1, servicer.MAX_EXPORT_SIZE + 1):
        with raises(InvalidArgument, "size"):
            await account.ExportMarks(ExportMarksRequest(size=size))
    for limit in (0, -1, servicer.MAX_RECENT_ITEMS + 1):
        with raises(InvalidArgument, "limit"):
            await recent(account, "ana", limit)


async def test_too_many_items_in_one_call_are_refused(account: Account) -> None:
    for call, most in ((filter_marked, servicer.MAX_FILTER_ITEMS), (get_marks, servicer.MAX_GET_ITEMS)):
        assert await call(account, "ana", [book(str(n)) for n in range(most)]) == []
        with raises(InvalidArgument, "items"):
            await call(account, "ana", [book(str(n)) for n in range(most + 1)])


async def test_an_invalid_cursor_is_refused(account: Account) -> None:
    with raises(InvalidArgument, "cursor", message="not a cursor returned by this list"):
        await page(account, "ana", cursor="MTIz")
    for cursor in ("x", "MTIz", "MS4xLmE"):
        with raises(InvalidArgument, "cursor"):
            await account.ExportMarks(ExportMarksRequest(size=1, cursor=cursor))
