"""The RPCs: each checks its request, runs a transaction and builds the reply."""

import datetime
from collections.abc import Set
from typing import cast

from google.protobuf.empty_pb2 import Empty
from sqlalchemy import Connection

from seen.v1 import account_pb2, account_pb2_grpc, types_pb2
from services.account import cursors, domain, usernames
from services.account.database import mark_queries, marks, users
from services.account.database.database import Database
from services.account.domain import POINTS, ExportKey, ItemRef, Mark, MarkKind, User
from services.common import checks
from services.common.errors import InvalidArgument
from services.common.server import Context
from services.common.themes import themes as themes_of

MAX_FILTER_ITEMS = 1000
MAX_GET_ITEMS = 100
MAX_RECENT_ITEMS = 200
MAX_EXPORT_SIZE = 10_000
# For every other list with a `size` or a `limit`.
MAX_LIST_SIZE = 100
_ITEM_TYPES = {number: name for name, number in types_pb2.ItemType.items() if number}


class AccountServicer(account_pb2_grpc.AccountServicer):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def CreateUser(self, request: account_pb2.CreateUserRequest, context: Context) -> account_pb2.User:
        subject, username = domain.check_subject(request.subject), usernames.check(request.username)
        return _user_to_pb(await self._database.write(users.create, subject, username, _now()))

    async def RenameUser(self, request: account_pb2.RenameUserRequest, context: Context) -> account_pb2.User:
        subject, username = domain.check_subject(request.subject), usernames.check(request.username)
        return _user_to_pb(await self._database.write(users.rename, subject, username))

    async def GetUser(self, request: account_pb2.GetUserRequest, context: Context) -> account_pb2.User:
        return _user_to_pb(await self._database.read(users.get, domain.check_subject(request.subject)))

    async def DeleteUser(self, request: account_pb2.DeleteUserRequest, context: Context) -> Empty:
        await self._database.write(users.remove, domain.check_subject(request.subject))
        return Empty()

    async def SearchUsers(
        self, request: account_pb2.SearchUsersRequest, context: Context
    ) -> account_pb2.SearchUsersResponse:
        names = await self._database.read(users.search, usernames.prefix_key(request.prefix))
        return account_pb2.SearchUsersResponse(usernames=names)

    async def SetMark(self, request: account_pb2.SetMarkRequest, context: Context) -> Empty:
        subject, item, kind = domain.check_subject(request.subject), _item(request.item), _kind(request.kind)
        categories = domain.check_categories(request.category)
        # A library of the previous release, during a rolling deployment, does not send the themes.
        themes = domain.check_themes(request.themes or themes_of(cast(types_pb2.ItemType, item.type), categories))
        await self._database.write(marks.add, subject, Mark(item, _now()), kind, categories, themes)
        return Empty()

    async def RemoveMark(self, request: account_pb2.RemoveMarkRequest, context: Context) -> Empty:
        subject, item, kind = domain.check_subject(request.subject), _item(request.item), _kind(request.kind)
        await self._database.write(marks.remove, subject, item, kind)
        return Empty()

    async def ListMarks(self, request: account_pb2.ListMarksRequest, context: Context) -> account_pb2.ListMarksResponse:
        subject, kind = domain.check_subject(request.subject), _kind(request.kind)
        size = checks.integer("size", request.size, 1, MAX_LIST_SIZE)
        after = cursors.decode(request.cursor)
        # One mark more than the page holds: if it exists, there is a next page.
        newest = await self._database.read(mark_queries.newest_marks, subject, kind, after, size + 1)
        page = newest[:size]
        return account_pb2.ListMarksResponse(
            marks=map(_mark_to_pb, page), next_cursor=cursors.encode(page[-1]) if len(newest) > size else ""
        )

    async def FilterMarked(
        self, request: account_pb2.FilterMarkedRequest, context: Context
    ) -> account_pb2.FilterMarkedResponse:
        subject = domain.check_subject(request.subject)
        checks.max_entries("items", len(request.items), MAX_FILTER_ITEMS)
        items = list(dict.fromkeys(map(_item, request.items)))
        marked = await self._database.read(mark_queries.marks_on, subject, items)
        return account_pb2.FilterMarkedResponse(items=[_item_to_pb(item) for item in items if item in marked])

    async def GetMarks(self, request: account_pb2.GetMarksRequest, context: Context) -> account_pb2.GetMarksResponse:
        subject = domain.check_subject(request.subject)
        checks.max_entries("items", len(request.items), MAX_GET_ITEMS)
        items = list(dict.fromkeys(map(_item, request.items)))
        kinds = await self._database.read(mark_queries.marks_on, subject, items)
        return account_pb2.GetMarksResponse(
            marks=[_item_marks_to_pb(item, kinds[item]) for item in items if item in kinds]
        )

    async def ListRecentMarks(
        self, request: account_pb2.ListRecentMarksRequest, context: Context
    ) -> account_pb2.ListRecentMarksResponse:
        subject = domain.check_subject(request.subject)
        limit = checks.integer("limit", request.limit, 1, MAX_RECENT_ITEMS)
        recent = await self._database.read(mark_queries.recent_marks, subject, limit)
        response = account_pb2.ListRecentMarksResponse(
            complete=recent.marks_complete,
            not_interested=map(_item_to_pb, recent.not_interested),
            complete_with_not_interested=recent.marks_complete and recent.not_interested_complete,
        )
        for mark in recent.marks:
            # Filled in place: this takes half of the time of building the messages and copying them.
            added = response.marks.add(seen=mark.seen, liked=mark.liked, category=mark.category, themes=mark.themes)
            added.item.type, added.item.id = cast(types_pb2.ItemType, mark.item.type), mark.item.id
        return response

    async def ExportMarks(
        self, request: account_pb2.ExportMarksRequest, context: Context
    ) -> account_pb2.ExportMarksResponse:
        size = checks.integer("size", request.size, 1, MAX_EXPORT_SIZE)
        return await self._database.read_long(_export, cursors.decode_export(request.cursor), size)

    async def CountMarks(
        self, request: account_pb2.CountMarksRequest, context: Context
    ) -> account_pb2.CountMarksResponse:
        return account_pb2.CountMarksResponse(marks=await self._database.read_long(mark_queries.count))

    async def GetTopCategories(
        self, request: account_pb2.GetTopCategoriesRequest, context: Context
    ) -> account_pb2.GetTopCategoriesResponse:
        subject, limit = domain.check_subject(request.subject), _limit(request.limit)
        top = await self._database.read(mark_queries.top_categories, subject, limit)
        return account_pb2.GetTopCategoriesResponse(
            categories=[
                account_pb2.CategoryPoints(category=theme, points=points, seen=seen, liked=liked)
                for theme, points, seen, liked in top
            ]
        )

    async def GetTopItems(
        self, request: account_pb2.GetTopItemsRequest, context: Context
    ) -> account_pb2.GetTopItemsResponse:
        item_type, limit = _type(request.type), _limit(request.limit)
        top = await self._database.read(mark_queries.top_items, item_type, limit)
        return account_pb2.GetTopItemsResponse(
            items=[account_pb2.LikedItem(item=_item_to_pb(item), likes=likes) for item, likes in top]
        )

    async def RemoveItemMarks(self, request: account_pb2.RemoveItemMarksRequest, context: Context) -> Empty:
        """Many transactions. Counters are exact after each, and a repeated call continues after a failure."""
        item = _item(request.item)
        while await self._database.write(marks.remove_from_item, item):
            pass
        return Empty()


def _export(connection: Connection, after: ExportKey | None, size: int) -> account_pb2.ExportMarksResponse:
    """Runs in a thread of the database: a reply of 10,000 messages would hold up the event loop."""
    rows = mark_queries.export(connection, after, size + 1)  # one more, as in ListMarks
    response = account_pb2.ExportMarksResponse()
    for person, item_type, item_id, kind, marked_at in rows[:size]:
        if kind in POINTS:
            # Four times as fast as messages made from arguments and a datetime.
            mark = response.marks.add()
            mark.person, mark.kind = person, cast(account_pb2.MarkKind, kind)
            mark.item.type, mark.item.id = cast(types_pb2.ItemType, item_type), item_id
            mark.marked_at.seconds = int(marked_at.timestamp())
            mark.marked_at.nanos = marked_at.microsecond * 1000
    if len(rows) > size:
        response.next_cursor = cursors.encode_export(ExportKey(*rows[size - 1][:4]))
    return response


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _limit(limit: int) -> int:
    return checks.integer("limit", limit, 1, MAX_LIST_SIZE)


def _item(ref: types_pb2.ItemRef) -> ItemRef:
    return ItemRef(_type(ref.type), domain.check_item_id(ref.id))


def _type(number: int) -> int:
    """proto3 also accepts numbers that the enum does not define."""
    if number not in _ITEM_TYPES:
        raise InvalidArgument("type", f"must be one of {', '.join(_ITEM_TYPES.values())}")
    return number


def _kind(number: int) -> MarkKind:
    if number not in list(MarkKind):
        raise InvalidArgument("kind", f"must be one of {', '.join(kind.name for kind in MarkKind)}")
    return MarkKind(number)


def _item_to_pb(item: ItemRef) -> types_pb2.ItemRef:
    return types_pb2.ItemRef(type=types_pb2.ItemType.Name(item.type), id=item.id)


def _item_marks_to_pb(item: ItemRef, kinds: Set[int]) -> account_pb2.ItemMarks:
    return account_pb2.ItemMarks(
        item=_item_to_pb(item),
        seen=MarkKind.SEEN in kinds,
        liked=MarkKind.LIKE in kinds,
        not_interested=MarkKind.NOT_INTERESTED in kinds,
    )


def _mark_to_pb(mark: Mark) -> account_pb2.Mark:
    return account_pb2.Mark(item=_item_to_pb(mark.item), marked_at=mark.marked_at)


def _user_to_pb(user: User) -> account_pb2.User:
    return account_pb2.User(username=user.username, created_at=user.created_at, seen=user.seen, liked=user.liked)
