"""A library over gRPC, with datasets, accounts and models that can be made to fail or hang."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, cast

import numpy as np
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.empty_pb2 import Empty

from seen.v1 import (
    account_pb2,
    account_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    library_pb2,
    library_pb2_grpc,
    spark_pb2,
    spark_pb2_grpc,
)
from seen.v1.types_pb2 import ANIME, BOOK, SHOW, Item, ItemRef, ItemType
from services.common import clients as common_clients
from services.common.errors import Aborted, NotFound, Unavailable
from services.common.server import Context, GrpcServer
from services.common.settings import GrpcSettings
from services.library import clients
from services.library.servicer import LibraryServicer
from services.library.suggestions.models import Models
from services.taste import model_file
from services.taste.arrays import Rows
from services.taste.domain import ItemRef as Ref
from services.taste.model import Model
from tests.unit.library.fakes import FakeAccounts, FakeDataset, FakeItem

SETTINGS = GrpcSettings(port=0, metrics_port=0, health_interval_s=0.1, grace_s=0)
ANA = "auth0|ana"


class Catalog(catalog_pb2_grpc.CatalogServicer):
    """A dataset in memory, over gRPC. If `hangs` is set no call is answered; if `fails` is set every call fails."""

    def __init__(self, dataset: FakeDataset) -> None:
        self.dataset = dataset
        self.hangs = False
        self.fails = False

    async def _ready(self) -> None:
        if self.fails:
            raise Unavailable("the database does not answer")
        if self.hangs:
            await asyncio.sleep(60)

    async def GetItem(self, request: catalog_pb2.GetItemRequest, context: Context) -> Item:
        await self._ready()
        return item_to_pb(await self.dataset.get(request.id))

    async def BatchGetItems(
        self, request: catalog_pb2.BatchGetItemsRequest, context: Context
    ) -> catalog_pb2.BatchGetItemsResponse:
        await self._ready()
        items = await self.dataset.batch_get(request.ids)
        return catalog_pb2.BatchGetItemsResponse(items=map(item_to_pb, items))

    async def CountItems(
        self, request: catalog_pb2.CountItemsRequest, context: Context
    ) -> catalog_pb2.CountItemsResponse:
        await self._ready()
        return catalog_pb2.CountItemsResponse(count=await self.dataset.count(request.category))

    async def ListItems(self, request: catalog_pb2.ListItemsRequest, context: Context) -> catalog_pb2.ListItemsResponse:
        await self._ready()
        answer = await self.dataset.list(request.category, request.start, request.limit)
        return catalog_pb2.ListItemsResponse(items=map(item_to_pb, cast(Any, answer.items)), count=answer.count)

    async def ListMostVoted(
        self, request: catalog_pb2.ListMostVotedRequest, context: Context
    ) -> catalog_pb2.ListMostVotedResponse:
        await self._ready()
        items = await self.dataset.most_voted(request.limit)
        return catalog_pb2.ListMostVotedResponse(items=map(item_to_pb, items))

    async def ListCategories(
        self, request: catalog_pb2.ListCategoriesRequest, context: Context
    ) -> catalog_pb2.ListCategoriesResponse:
        await self._ready()
        counts = await self.dataset.categories()
        return catalog_pb2.ListCategoriesResponse(
            items=counts.items, categories=counts_to_pb(counts.categories), themes=counts_to_pb(counts.themes)
        )

    async def SampleItems(
        self, request: catalog_pb2.SampleItemsRequest, context: Context
    ) -> catalog_pb2.SampleItemsResponse:
        await self._ready()
        samples = await self.dataset.sample(
            request.categories or [""], request.amount, request.max_categories, request.seed
        )
        return catalog_pb2.SampleItemsResponse(
            samples=[
                catalog_pb2.Sample(
                    category=sample.category, items=map(item_to_pb, sample.items), complete=sample.complete
                )
                for sample in samples
            ]
        )

    async def DeleteItem(self, request: catalog_pb2.DeleteItemRequest, context: Context) -> Empty:
        await self._ready()
        await self.dataset.delete(request.id)
        return Empty()


class Account(account_pb2_grpc.AccountServicer):
    """The fake accounts over gRPC. If `fails` is set, removing the marks on an item fails."""

    def __init__(self, accounts: FakeAccounts) -> None:
        self.accounts = accounts
        self.fails = False
        self.last_mark: account_pb2.SetMarkRequest | None = None
        self.filtered: list[int] = []  # number of items in each call of FilterMarked

    async def SetMark(self, request: account_pb2.SetMarkRequest, context: Context) -> Empty:
        self.last_mark = request
        self.accounts.marks.add(Ref(request.item.type, request.item.id))
        return Empty()

    async def RemoveItemMarks(self, request: account_pb2.RemoveItemMarksRequest, context: Context) -> Empty:
        if self.fails:
            raise RuntimeError("a fault of the account service")
        await self.accounts.remove_item_marks(Ref(request.item.type, request.item.id))
        return Empty()

    async def ListRecentMarks(
        self, request: account_pb2.ListRecentMarksRequest, context: Context
    ) -> account_pb2.ListRecentMarksResponse:
        recent = await self.accounts.recent_marks(request.subject, request.limit)
        marks = [
            account_pb2.RecentMark(
                item=ref_to_pb(mark.ref), seen=mark.seen, liked=mark.liked, category=mark.category, themes=mark.themes
            )
            for mark in recent.marks
        ]
        return account_pb2.ListRecentMarksResponse(
            marks=marks,
            complete=recent.complete,
            not_interested=map(ref_to_pb, recent.not_interested),
            complete_with_not_interested=recent.complete_with_not_interested,
        )

    async def FilterMarked(
        self, request: account_pb2.FilterMarkedRequest, context: Context
    ) -> account_pb2.FilterMarkedResponse:
        self.filtered.append(len(request.items))
        marked = await self.accounts.filter_marked(request.subject, [Ref(ref.type, ref.id) for ref in request.items])
        return account_pb2.FilterMarkedResponse(items=map(ref_to_pb, marked))

    async def GetTopItems(
        self, request: account_pb2.GetTopItemsRequest, context: Context
    ) -> account_pb2.GetTopItemsResponse:
        top = await self.accounts.top_items(request.type, request.limit)
        liked = [account_pb2.LikedItem(item=ref_to_pb(ref), likes=likes) for ref, likes in top]
        return account_pb2.GetTopItemsResponse(items=liked)


class Spark(spark_pb2_grpc.SparkServicer):
    """Holds a model, and sends `part` bytes of it at a time."""

    def __init__(self) -> None:
        self.version = ""
        self.content = b""
        self.part = 1024

    async def ReadModel(self, request: spark_pb2.ReadModelRequest, context: Context) -> spark_pb2.ReadModelResponse:
        if not self.version:
            raise NotFound("nothing has been trained")
        if request.version not in ("", self.version):
            raise Aborted("there is a newer model")
        part = self.content[request.offset : request.offset + self.part]
        return spark_pb2.ReadModelResponse(version=self.version, size=len(self.content), data=part)


def item_to_pb(item: FakeItem) -> Item:
    return Item(
        type=cast(ItemType, item.type),
        id=item.id,
        name=item.name,
        category=item.category,
        themes=item.themes,
        rating=item.rating,
        votes=item.votes,
    )


def counts_to_pb(counts: Mapping[str, int]) -> list[catalog_pb2.CategoryCount]:
    return [catalog_pb2.CategoryCount(name=name, items=items) for name, items in counts.items()]


def ref_to_pb(ref: Ref) -> ItemRef:
    return ItemRef(type=cast(ItemType, ref.type), id=ref.id)


class Library:
    """A library, `stub` to call it, and `clients`, with which it calls the other services."""

    def __init__(self) -> None:
        self.catalogs = {
            item_type: Catalog(  # type: ignore[abstract]  # only the methods that the tests call
                FakeDataset(item_type, [(f"{ItemType.Name(item_type)} {number}", ["Drama"]) for number in range(3)])
            )
            for item_type in (BOOK, SHOW, ANIME)
        }
        self.account = Account(FakeAccounts())  # type: ignore[abstract]
        self.spark = Spark()  # type: ignore[abstract]

    async def start(self, stack: AsyncExitStack) -> None:
        async def ping() -> None:
            pass

        async def serve(service: ServiceDescriptor, add: Any, servicer: Any) -> str:
            port = await stack.enter_async_context(GrpcServer(SETTINGS, service, add, servicer, ping).running())
            return f"127.0.0.1:{port}"

        catalog_service = catalog_pb2.DESCRIPTOR.services_by_name["Catalog"]
        account_service = account_pb2.DESCRIPTOR.services_by_name["Account"]
        spark_service = spark_pb2.DESCRIPTOR.services_by_name["Spark"]
        library_service = library_pb2.DESCRIPTOR.services_by_name["Library"]
        addresses = {
            item_type: await serve(catalog_service, catalog_pb2_grpc.add_CatalogServicer_to_server, catalog)
            for item_type, catalog in self.catalogs.items()
        }
        account = await serve(account_service, account_pb2_grpc.add_AccountServicer_to_server, self.account)
        spark_address = await serve(spark_service, spark_pb2_grpc.add_SparkServicer_to_server, self.spark)
        self.clients = await stack.enter_async_context(clients.connect(addresses, account, spark_address))
        datasets, accounts = self.clients.datasets, self.clients.accounts
        self.models = Models(self.clients.models, datasets, check_interval_s=0.05, votes_interval_s=60)
        await stack.enter_async_context(self.models.running())
        servicer = LibraryServicer(datasets, accounts, self.models)
        address = await serve(library_service, library_pb2_grpc.add_LibraryServicer_to_server, servicer)
        channel = await stack.enter_async_context(common_clients.connect(address, library_service))
        self.stub: Any = library_pb2_grpc.LibraryStub(channel)

    def ref(self, item_type: ItemType, number: int = 0) -> ItemRef:
        return ItemRef(type=item_type, id=self.catalogs[item_type].dataset.items[number].id)

    async def train(self, version: str, neighbours: dict[int, list[int]]) -> None:
        """Waits until the library uses a model of all items: books are numbers 0 to 2, shows 3 to 5, anime 6 to 8."""
        items = [item for catalog in self.catalogs.values() for item in catalog.dataset.items]
        rows = Rows.of([neighbours.get(number, []) for number in range(len(items))])
        weights = np.ones(len(rows.values), np.float32)
        model = Model.build(items, {}, version=version, neighbours=rows, weights=weights)
        self.spark.content, self.spark.version = model_file.to_bytes(model), version
        async with asyncio.timeout(5):
            while (model_in_use := self.models.of_type(BOOK)) is None or model_in_use.version != version:
                await asyncio.sleep(0.01)

    async def wait_for_votes(self) -> None:
        async with asyncio.timeout(5):
            while any(self.models.of_type(item_type) is None for item_type in self.catalogs):
                await asyncio.sleep(0.01)
