"""The accounts, asked over gRPC."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc

from seen.v1 import account_pb2, account_pb2_grpc
from seen.v1.account_pb2 import CategoryPoints, LikedItem, ListMarksResponse, MarkKind
from seen.v1.types_pb2 import Item, ItemRef, ItemType
from services.common import clients

SERVICE = "seen.v1.Account"
READS = ("ListMarks", "FilterMarked", "GetTopCategories", "GetTopItems")


class Accounts:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = account_pb2_grpc.AccountStub(channel)

    async def set_mark(self, subject: str, item: Item, kind: MarkKind) -> None:
        ref = ItemRef(type=item.type, id=item.id)
        request = account_pb2.SetMarkRequest(subject=subject, item=ref, kind=kind, category=item.category)
        await self._stub.SetMark(request)

    async def remove_mark(self, subject: str, ref: ItemRef, kind: MarkKind) -> None:
        await self._stub.RemoveMark(account_pb2.RemoveMarkRequest(subject=subject, item=ref, kind=kind))

    async def remove_item_marks(self, ref: ItemRef) -> None:
        await self._stub.RemoveItemMarks(account_pb2.RemoveItemMarksRequest(item=ref))

    async def list_marks(self, subject: str, kind: MarkKind, size: int, cursor: str) -> ListMarksResponse:
        request = account_pb2.ListMarksRequest(subject=subject, kind=kind, size=size, cursor=cursor)
        return await self._stub.ListMarks(request)

    async def marked(self, subject: str, item_type: ItemType, item_ids: Sequence[str]) -> set[str]:
        """Which of these items of one type, at most 1000, the subject has marked."""
        refs = [ItemRef(type=item_type, id=item_id) for item_id in item_ids]
        response = await self._stub.FilterMarked(account_pb2.FilterMarkedRequest(subject=subject, items=refs))
        return {ref.id for ref in response.items}

    async def top_categories(self, subject: str, limit: int) -> Sequence[CategoryPoints]:
        request = account_pb2.GetTopCategoriesRequest(subject=subject, limit=limit)
        return (await self._stub.GetTopCategories(request)).categories

    async def top_items(self, item_type: ItemType, limit: int) -> Sequence[LikedItem]:
        return (await self._stub.GetTopItems(account_pb2.GetTopItemsRequest(type=item_type, limit=limit))).items


@asynccontextmanager
async def connect(address: str) -> AsyncIterator[Accounts]:
    async with clients.connect(address, SERVICE, READS) as channel:
        yield Accounts(channel)
