"""gRPC clients of the other services: they implement Dataset, Accounts and ModelSource of domain.py."""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple, TypeVar, cast

import grpc

from seen.v1 import (
    account_pb2,
    account_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    spark_pb2,
    spark_pb2_grpc,
    types_pb2,
)
from seen.v1.types_pb2 import ItemType
from services.common import clients
from services.common.errors import DeadlineExceeded, NotFound, Unavailable
from services.library.datasets import Datasets
from services.library.domain import (
    Accounts,
    ListRange,
    MarkPage,
    ModelSource,
    RecentMarks,
    Sample,
    SearchHit,
    ThemePoints,
)
from services.taste.domain import Item, ItemRef, LabelCounts, Mark

T = TypeVar("T")

MAX_FILTER_ITEMS = 1000  # per call of FilterMarked
BEYOND_ANY_MODEL = 2**40  # bytes


class CatalogClient:
    def __init__(self, item_type: ItemType, channel: grpc.aio.Channel) -> None:
        self.type = item_type
        self.name = ItemType.Name(item_type)
        self._stub = catalog_pb2_grpc.CatalogStub(channel)

    async def get(self, item_id: str) -> Item:
        return await self._call(self._stub.GetItem(catalog_pb2.GetItemRequest(id=item_id)))

    async def batch_get(self, item_ids: Sequence[str]) -> Sequence[Item]:
        if not item_ids:
            return ()
        request = catalog_pb2.BatchGetItemsRequest(ids=item_ids)
        return (await self._call(self._stub.BatchGetItems(request))).items

    async def count(self, category: str) -> int:
        return (await self._call(self._stub.CountItems(catalog_pb2.CountItemsRequest(category=category)))).count

    async def list(self, category: str, start: int, limit: int) -> ListRange:
        if not limit:
            return ListRange((), await self.count(category))
        request = catalog_pb2.ListItemsRequest(category=category, start=start, limit=limit)
        response = await self._call(self._stub.ListItems(request))
        # A dataset of the previous release, during a rolling deployment, does not send the count.
        count = response.count if response.HasField("count") else await self.count(category)
        return ListRange(response.items, count)

    async def search(self, text: str, category: str) -> Sequence[SearchHit]:
        request = catalog_pb2.SearchItemsRequest(text=text, category=category)
        return (await self._call(self._stub.SearchItems(request))).hits

    async def sample(self, themes: Sequence[str], amount: int, max_themes: int, seed: int) -> Sequence[Sample]:
        request = catalog_pb2.SampleItemsRequest(
            categories=[name for name in themes if name], amount=amount, max_categories=max_themes, seed=seed
        )
        return (await self._call(self._stub.SampleItems(request))).samples

    async def most_voted(self, limit: int) -> Sequence[Item]:
        request = catalog_pb2.ListMostVotedRequest(limit=limit)
        return (await self._call(self._stub.ListMostVoted(request))).items

    async def categories(self) -> LabelCounts:
        response = await self._call(self._stub.ListCategories(catalog_pb2.ListCategoriesRequest()))
        return LabelCounts(
            response.items,
            {entry.name: entry.items for entry in response.categories},
            {entry.name: entry.items for entry in response.themes},
        )

    async def create(self, item: Item) -> Item:
        request = catalog_pb2.CreateItemRequest(item=cast(types_pb2.Item, item))
        return await self._call(self._stub.CreateItem(request))

    async def delete(self, item_id: str) -> None:
        await self._call(self._stub.DeleteItem(catalog_pb2.DeleteItemRequest(id=item_id)))

    async def _call(self, call: Awaitable[T]) -> T:
        """Adds the name of the dataset to the error if it does not answer."""
        try:
            return await call
        except (Unavailable, DeadlineExceeded) as error:
            raise Unavailable(f"the {self.name} items do not answer; try again later") from error


class AccountClient:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = account_pb2_grpc.AccountStub(channel)

    async def set_mark(self, subject: str, item: Item, kind: int) -> None:
        request = account_pb2.SetMarkRequest(
            subject=subject,
            item=_ref_to_pb(item),
            kind=cast(account_pb2.MarkKind, kind),
            category=item.category,
            themes=item.themes,
        )
        await self._stub.SetMark(request)

    async def remove_mark(self, subject: str, ref: ItemRef, kind: int) -> None:
        request = account_pb2.RemoveMarkRequest(
            subject=subject, item=_ref_to_pb(ref), kind=cast(account_pb2.MarkKind, kind)
        )
        await self._stub.RemoveMark(request)

    async def remove_item_marks(self, ref: ItemRef) -> None:
        await self._stub.RemoveItemMarks(account_pb2.RemoveItemMarksRequest(item=_ref_to_pb(ref)))

    async def list_marks(self, subject: str, kind: int, size: int, cursor: str) -> MarkPage:
        request = account_pb2.ListMarksRequest(
            subject=subject, kind=cast(account_pb2.MarkKind, kind), size=size, cursor=cursor
        )
        response = await self._stub.ListMarks(request)
        return MarkPage([(_ref(mark.item), mark.marked_at) for mark in response.marks], response.next_cursor)

    async def recent_marks(self, subject: str, limit: int) -> RecentMarks:
        response = await self._stub.ListRecentMarks(account_pb2.ListRecentMarksRequest(subject=subject, limit=limit))
        return RecentMarks(
            [Mark(_ref(mark.item), mark.seen, mark.liked, mark.category[:], mark.themes[:]) for mark in response.marks],
            response.complete,
            [_ref(item) for item in response.not_interested],
            response.complete_with_not_interested,
        )

    async def filter_marked(self, subject: str, refs: Sequence[ItemRef]) -> set[ItemRef]:
        marked: set[ItemRef] = set()
        for start in range(0, len(refs), MAX_FILTER_ITEMS):
            part = refs[start : start + MAX_FILTER_ITEMS]
            request = account_pb2.FilterMarkedRequest(subject=subject, items=map(_ref_to_pb, part))
            marked.update(_ref(item) for item in (await self._stub.FilterMarked(request)).items)
        return marked

    async def filter_liked(self, subject: str, refs: Sequence[ItemRef]) -> set[ItemRef]:
        request = account_pb2.GetMarksRequest(subject=subject, items=map(_ref_to_pb, refs))
        response = await self._stub.GetMarks(request)
        return {_ref(marks.item) for marks in response.marks if marks.liked}

    async def top_themes(self, subject: str, limit: int) -> Sequence[ThemePoints]:
        request = account_pb2.GetTopCategoriesRequest(subject=subject, limit=limit)
        response = await self._stub.GetTopCategories(request)
        return [ThemePoints(entry.category, entry.points, entry.seen, entry.liked) for entry in response.categories]

    async def top_items(self, item_type: int, limit: int) -> Sequence[tuple[ItemRef, int]]:
        request = account_pb2.GetTopItemsRequest(type=cast(ItemType, item_type), limit=limit)
        response = await self._stub.GetTopItems(request)
        return [(_ref(entry.item), entry.likes) for entry in response.items]


class SparkClient:
    """The models that the Spark connector trains."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = spark_pb2_grpc.SparkStub(channel)

    async def version(self) -> str:
        # A read past the end answers the version alone. GetModel, which could start a training, is not allowed for the
        # library.
        request = spark_pb2.ReadModelRequest(offset=BEYOND_ANY_MODEL)
        try:
            return (await self._stub.ReadModel(request)).version
        except NotFound:  # before the first training
            return ""

    async def read(self, version: str) -> bytes:
        content = bytearray()
        while True:
            part = await self._stub.ReadModel(spark_pb2.ReadModelRequest(version=version, offset=len(content)))
            content += part.data
            if len(content) >= part.size or not part.data:
                return bytes(content)


def _ref(ref: types_pb2.ItemRef) -> ItemRef:
    return ItemRef(ref.type, ref.id)


def _ref_to_pb(item: ItemRef | Item) -> types_pb2.ItemRef:
    return types_pb2.ItemRef(type=cast(ItemType, item.type), id=item.id)


class Clients(NamedTuple):
    datasets: Datasets
    accounts: Accounts
    models: ModelSource


@asynccontextmanager
async def connect(
    catalog_addresses: Mapping[ItemType, str], account_address: str, spark_address: str
) -> AsyncIterator[Clients]:
    catalog = catalog_pb2.DESCRIPTOR.services_by_name["Catalog"]
    account = account_pb2.DESCRIPTOR.services_by_name["Account"]
    spark = spark_pb2.DESCRIPTOR.services_by_name["Spark"]
    async with AsyncExitStack() as stack:
        datasets = [
            CatalogClient(item_type, await stack.enter_async_context(clients.connect(address, catalog)))
            for item_type, address in catalog_addresses.items()
        ]
        yield Clients(
            Datasets(datasets),
            AccountClient(await stack.enter_async_context(clients.connect(account_address, account))),
            SparkClient(await stack.enter_async_context(clients.connect(spark_address, spark))),
        )
