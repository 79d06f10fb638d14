"""Speaks gRPC for the store: reads the request, asks, writes the reply."""

from google.protobuf.empty_pb2 import Empty

from seen.v1 import account_pb2, account_pb2_grpc, types_pb2
from services.account import cursors, domain, usernames
from services.account.domain import Item, Kind
from services.account.store import Store
from services.common import checks
from services.common.errors import InvalidArgument
from services.common.server import Context

MOST_ITEMS = 1000
MOST_LISTED = 100


class AccountServicer(account_pb2_grpc.AccountServicer):
    def __init__(self, store: Store) -> None:
        self._store = store

    async def CreateUser(self, request: account_pb2.CreateUserRequest, context: Context) -> account_pb2.User:
        subject, username = domain.checked_subject(request.subject), usernames.checked(request.username)
        return _user_to_pb(await self._store.create_user(subject, username))

    async def RenameUser(self, request: account_pb2.RenameUserRequest, context: Context) -> account_pb2.User:
        subject, username = domain.checked_subject(request.subject), usernames.checked(request.username)
        return _user_to_pb(await self._store.rename_user(subject, username))

    async def GetUser(self, request: account_pb2.GetUserRequest, context: Context) -> account_pb2.User:
        return _user_to_pb(await self._store.user(domain.checked_subject(request.subject)))

    async def DeleteUser(self, request: account_pb2.DeleteUserRequest, context: Context) -> Empty:
        await self._store.remove_user(domain.checked_subject(request.subject))
        return Empty()

    async def SearchUsers(
        self, request: account_pb2.SearchUsersRequest, context: Context
    ) -> account_pb2.SearchUsersResponse:
        found = await self._store.usernames(usernames.prefix_key(request.prefix))
        return account_pb2.SearchUsersResponse(usernames=found)

    async def SetMark(self, request: account_pb2.SetMarkRequest, context: Context) -> Empty:
        await self._store.add_mark(
            domain.checked_subject(request.subject),
            _item(request.item),
            _kind(request.kind),
            domain.checked_categories(request.category),
        )
        return Empty()

    async def RemoveMark(self, request: account_pb2.RemoveMarkRequest, context: Context) -> Empty:
        subject = domain.checked_subject(request.subject)
        await self._store.remove_mark(subject, _item(request.item), _kind(request.kind))
        return Empty()

    async def ListMarks(self, request: account_pb2.ListMarksRequest, context: Context) -> account_pb2.ListMarksResponse:
        subject, kind = domain.checked_subject(request.subject), _kind(request.kind)
        size = checks.integer("size", request.size, 1, MOST_LISTED)
        found = await self._store.marks(subject, kind, cursors.position(request.cursor), size + 1)
        page = found[:size]
        return account_pb2.ListMarksResponse(
            marks=map(_mark_to_pb, page), next_cursor=cursors.after(page[-1]) if len(found) > size else ""
        )

    async def FilterMarked(
        self, request: account_pb2.FilterMarkedRequest, context: Context
    ) -> account_pb2.FilterMarkedResponse:
        subject = domain.checked_subject(request.subject)
        checks.at_most("items", len(request.items), MOST_ITEMS)
        items = list(dict.fromkeys(map(_item, request.items)))
        marked = await self._store.marked_among(subject, items)
        return account_pb2.FilterMarkedResponse(items=[_item_to_pb(item) for item in items if item in marked])

    async def GetTopCategories(
        self, request: account_pb2.GetTopCategoriesRequest, context: Context
    ) -> account_pb2.GetTopCategoriesResponse:
        subject = domain.checked_subject(request.subject)
        top = await self._store.top_categories(subject, checks.integer("limit", request.limit, 1, MOST_LISTED))
        return account_pb2.GetTopCategoriesResponse(
            categories=[account_pb2.CategoryPoints(category=category, points=points) for category, points in top]
        )

    async def GetTopItems(
        self, request: account_pb2.GetTopItemsRequest, context: Context
    ) -> account_pb2.GetTopItemsResponse:
        limit = checks.integer("limit", request.limit, 1, MOST_LISTED)
        top = await self._store.top_items(_type(request.type), limit)
        return account_pb2.GetTopItemsResponse(
            items=[account_pb2.LikedItem(item=_item_to_pb(item), likes=likes) for item, likes in top]
        )

    async def RemoveItemMarks(self, request: account_pb2.RemoveItemMarksRequest, context: Context) -> Empty:
        await self._store.remove_item_marks(_item(request.item))
        return Empty()


def _item(ref: types_pb2.ItemRef) -> Item:
    return Item(_type(ref.type), domain.checked_item_id(ref.id))


def _type(number: int) -> int:
    """proto3 lets numbers through that the enum does not name."""
    if number == types_pb2.ITEM_TYPE_UNSPECIFIED or number not in types_pb2.ItemType.values():
        raise InvalidArgument("type", "is none that Seen knows")
    return number


def _kind(number: int) -> Kind:
    if number not in list(Kind):
        raise InvalidArgument("kind", "must be SEEN or LIKE")
    return Kind(number)


def _item_to_pb(item: Item) -> types_pb2.ItemRef:
    return types_pb2.ItemRef(type=types_pb2.ItemType.Name(item.type), id=item.id)


def _mark_to_pb(mark: domain.Mark) -> account_pb2.Mark:
    return account_pb2.Mark(item=_item_to_pb(mark.item), marked_at=mark.marked_at)


def _user_to_pb(user: domain.User) -> account_pb2.User:
    return account_pb2.User(username=user.username, created_at=user.created_at, seen=user.seen, liked=user.liked)
