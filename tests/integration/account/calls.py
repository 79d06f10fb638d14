"""Short functions for the service's RPCs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import grpc
import pytest

from seen.v1 import account_pb2, account_pb2_grpc, types_pb2
from seen.v1.account_pb2 import LIKE, NOT_INTERESTED, SEEN
from seen.v1.types_pb2 import BOOK, ItemRef
from services.common import clients
from services.common.errors import SeenError

if TYPE_CHECKING:  # the asyncio stub exists for type checkers only
    Account = account_pb2_grpc.AccountAsyncStub
else:
    Account = account_pb2_grpc.AccountStub
KINDS = (SEEN, LIKE, NOT_INTERESTED)


def connect(port: int) -> grpc.aio.Channel:
    return clients.connect(f"127.0.0.1:{port}", account_pb2.DESCRIPTOR.services_by_name["Account"])


def book(name: str) -> ItemRef:
    return ItemRef(type=BOOK, id=name)


async def mark(
    account: Account,
    subject: str,
    item: ItemRef,
    kind: account_pb2.MarkKind = SEEN,
    themes: Sequence[str] = (),
    category: Sequence[str] | None = None,
) -> None:
    """The item's categories are its themes, unless given."""
    request = account_pb2.SetMarkRequest(
        subject=subject, item=item, kind=kind, themes=themes, category=themes if category is None else category
    )
    await account.SetMark(request)


async def unmark(account: Account, subject: str, item: ItemRef, kind: account_pb2.MarkKind = SEEN) -> None:
    await account.RemoveMark(account_pb2.RemoveMarkRequest(subject=subject, item=item, kind=kind))


async def create(account: Account, subject: str, username: str) -> account_pb2.User:
    return await account.CreateUser(account_pb2.CreateUserRequest(subject=subject, username=username))


async def rename(account: Account, subject: str, username: str) -> account_pb2.User:
    return await account.RenameUser(account_pb2.RenameUserRequest(subject=subject, username=username))


async def user(account: Account, subject: str) -> account_pb2.User:
    return await account.GetUser(account_pb2.GetUserRequest(subject=subject))


async def delete_user(account: Account, subject: str) -> None:
    await account.DeleteUser(account_pb2.DeleteUserRequest(subject=subject))


async def remove_item(account: Account, item: ItemRef) -> None:
    await account.RemoveItemMarks(account_pb2.RemoveItemMarksRequest(item=item))


async def search(account: Account, prefix: str) -> list[str]:
    response = await account.SearchUsers(account_pb2.SearchUsersRequest(prefix=prefix))
    return list(response.usernames)


async def page(
    account: Account, subject: str, kind: account_pb2.MarkKind = SEEN, size: int = 100, cursor: str = ""
) -> account_pb2.ListMarksResponse:
    request = account_pb2.ListMarksRequest(subject=subject, kind=kind, size=size, cursor=cursor)
    return await account.ListMarks(request)


async def pages(
    account: Account, subject: str, kind: account_pb2.MarkKind = SEEN, size: int = 100
) -> list[account_pb2.ListMarksResponse]:
    """All pages of the list."""
    responses = [await page(account, subject, kind, size)]
    while cursor := responses[-1].next_cursor:
        responses.append(await page(account, subject, kind, size, cursor))
    return responses


async def ids(account: Account, subject: str, kind: account_pb2.MarkKind = SEEN) -> list[str]:
    """The ids of all marked items, newest first."""
    return [entry.item.id for response in await pages(account, subject, kind) for entry in response.marks]


async def filter_marked(account: Account, subject: str, items: Sequence[ItemRef]) -> list[ItemRef]:
    response = await account.FilterMarked(account_pb2.FilterMarkedRequest(subject=subject, items=items))
    return list(response.items)


async def points(account: Account, subject: str, limit: int = 100) -> list[tuple[str, int]]:
    response = await account.GetTopCategories(account_pb2.GetTopCategoriesRequest(subject=subject, limit=limit))
    return [(entry.category, entry.points) for entry in response.categories]


async def counts(account: Account, subject: str) -> dict[str, tuple[int, int]]:
    """How many items of each theme are marked as seen, and as liked."""
    response = await account.GetTopCategories(account_pb2.GetTopCategoriesRequest(subject=subject, limit=100))
    return {entry.category: (entry.seen, entry.liked) for entry in response.categories}


async def recent(account: Account, subject: str, limit: int = 200) -> account_pb2.ListRecentMarksResponse:
    return await account.ListRecentMarks(account_pb2.ListRecentMarksRequest(subject=subject, limit=limit))


async def get_marks(account: Account, subject: str, items: Sequence[ItemRef]) -> list[account_pb2.ItemMarks]:
    response = await account.GetMarks(account_pb2.GetMarksRequest(subject=subject, items=items))
    return list(response.marks)


async def export(account: Account, size: int = 10_000) -> list[account_pb2.ExportMarksResponse]:
    """All pages."""
    responses = [await account.ExportMarks(account_pb2.ExportMarksRequest(size=size))]
    while cursor := responses[-1].next_cursor:
        responses.append(await account.ExportMarks(account_pb2.ExportMarksRequest(size=size, cursor=cursor)))
    return responses


async def count(account: Account) -> int:
    return (await account.CountMarks(account_pb2.CountMarksRequest())).marks


async def top(account: Account, item_type: types_pb2.ItemType = BOOK, limit: int = 100) -> list[tuple[str, int]]:
    response = await account.GetTopItems(account_pb2.GetTopItemsRequest(type=item_type, limit=limit))
    return [(entry.item.id, entry.likes) for entry in response.items]


@contextmanager
def raises(error: type[SeenError], field: str | None = None, message: str = "") -> Iterator[None]:
    """The call inside fails with this error, and names the field if one is given."""
    with pytest.raises(error) as caught:
        yield
    assert message in caught.value.message
    if field is not None:
        assert caught.value.field == field
