"""Short words for the calls that the tests make."""

from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from seen.v1 import account_pb2, account_pb2_grpc, types_pb2
from seen.v1.account_pb2 import LIKE, SEEN
from seen.v1.types_pb2 import BOOK, ItemRef
from services.common import errors

if TYPE_CHECKING:  # the class for asyncio exists for type checkers only
    Account = account_pb2_grpc.AccountAsyncStub
else:
    Account = account_pb2_grpc.AccountStub
TIMEOUT_S = 20.0
KINDS = (SEEN, LIKE)


def book(name: str) -> ItemRef:
    return ItemRef(type=BOOK, id=name)


async def mark(
    account: Account, subject: str, item: ItemRef, kind: account_pb2.MarkKind = SEEN, category: Sequence[str] = ()
) -> None:
    await account.SetMark(
        account_pb2.SetMarkRequest(subject=subject, item=item, kind=kind, category=category), timeout=TIMEOUT_S
    )


async def unmark(account: Account, subject: str, item: ItemRef, kind: account_pb2.MarkKind = SEEN) -> None:
    await account.RemoveMark(account_pb2.RemoveMarkRequest(subject=subject, item=item, kind=kind), timeout=TIMEOUT_S)


async def create(account: Account, subject: str, username: str) -> account_pb2.User:
    return await account.CreateUser(
        account_pb2.CreateUserRequest(subject=subject, username=username), timeout=TIMEOUT_S
    )


async def rename(account: Account, subject: str, username: str) -> account_pb2.User:
    return await account.RenameUser(
        account_pb2.RenameUserRequest(subject=subject, username=username), timeout=TIMEOUT_S
    )


async def user(account: Account, subject: str) -> account_pb2.User:
    return await account.GetUser(account_pb2.GetUserRequest(subject=subject), timeout=TIMEOUT_S)


async def delete_user(account: Account, subject: str) -> None:
    await account.DeleteUser(account_pb2.DeleteUserRequest(subject=subject), timeout=TIMEOUT_S)


async def remove_item(account: Account, item: ItemRef) -> None:
    await account.RemoveItemMarks(account_pb2.RemoveItemMarksRequest(item=item), timeout=TIMEOUT_S)


async def search(account: Account, prefix: str) -> list[str]:
    found = await account.SearchUsers(account_pb2.SearchUsersRequest(prefix=prefix), timeout=TIMEOUT_S)
    return list(found.usernames)


async def page(
    account: Account, subject: str, kind: account_pb2.MarkKind = SEEN, size: int = 100, cursor: str = ""
) -> account_pb2.ListMarksResponse:
    return await account.ListMarks(
        account_pb2.ListMarksRequest(subject=subject, kind=kind, size=size, cursor=cursor), timeout=TIMEOUT_S
    )


async def ids(account: Account, subject: str, kind: account_pb2.MarkKind = SEEN) -> list[str]:
    return [listed.item.id for listed in (await page(account, subject, kind)).marks]


async def marked_among(account: Account, subject: str, items: Sequence[ItemRef]) -> list[ItemRef]:
    found = await account.FilterMarked(account_pb2.FilterMarkedRequest(subject=subject, items=items), timeout=TIMEOUT_S)
    return list(found.items)


async def points(account: Account, subject: str, limit: int = 100) -> list[tuple[str, int]]:
    top = await account.GetTopCategories(
        account_pb2.GetTopCategoriesRequest(subject=subject, limit=limit), timeout=TIMEOUT_S
    )
    return [(entry.category, entry.points) for entry in top.categories]


async def top(account: Account, item_type: types_pb2.ItemType = BOOK, limit: int = 100) -> list[tuple[str, int]]:
    found = await account.GetTopItems(account_pb2.GetTopItemsRequest(type=item_type, limit=limit), timeout=TIMEOUT_S)
    return [(entry.item.id, entry.likes) for entry in found.items]


@contextmanager
def refused(code: grpc.StatusCode, field: str | None = None, message: str = "") -> Any:
    """The call in here fails with this code, and names the field where one is given."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        yield
    assert caught.value.code() is code, caught.value
    assert message in (caught.value.details() or "")
    if field is not None:
        assert [name for name, _ in errors.field_violations(caught.value)] == [field]
