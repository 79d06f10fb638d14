"""The library over the wire, with datasets and accounts that can be told to fail."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, cast

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from prometheus_client import REGISTRY

from seen.v1 import account_pb2, account_pb2_grpc, catalog_pb2, catalog_pb2_grpc, library_pb2, library_pb2_grpc
from seen.v1.types_pb2 import ANIME, BOOK, SHOW, Item, ItemRef, ItemType
from services.common import clients, health
from services.common.errors import Unavailable, field_violations
from services.common.server import Context, GrpcService
from services.common.settings import GrpcSettings
from services.library import accounts, datasets
from services.library.servicer import LibraryServicer
from tests.unit.library.fakes import FakeAccounts, FakeDataset

SETTINGS = GrpcSettings(port=0, metrics_port=0, health_interval_s=0.1, grace_s=0)
ANA = "auth0|ana"


class Catalog(catalog_pb2_grpc.CatalogServicer):
    """A dataset in memory, over the wire; `hangs` makes it take every call and answer none,
    `fails` says so at once."""

    def __init__(self, dataset: FakeDataset) -> None:
        self.dataset = dataset
        self.hangs = False
        self.fails = False

    async def _ready(self) -> None:
        if self.fails:
            raise Unavailable("the database is away")
        if self.hangs:
            await asyncio.sleep(60)

    async def GetItem(self, request: catalog_pb2.GetItemRequest, context: Context) -> Item:
        await self._ready()
        return await self.dataset.get(request.id)

    async def BatchGetItems(
        self, request: catalog_pb2.BatchGetItemsRequest, context: Context
    ) -> catalog_pb2.BatchGetItemsResponse:
        await self._ready()
        return catalog_pb2.BatchGetItemsResponse(items=await self.dataset.batch_get(request.ids))

    async def CountItems(
        self, request: catalog_pb2.CountItemsRequest, context: Context
    ) -> catalog_pb2.CountItemsResponse:
        await self._ready()
        return catalog_pb2.CountItemsResponse(count=await self.dataset.count(request.category))

    async def ListItems(self, request: catalog_pb2.ListItemsRequest, context: Context) -> catalog_pb2.ListItemsResponse:
        await self._ready()
        items = await self.dataset.list(request.category, request.start, request.limit)
        return catalog_pb2.ListItemsResponse(items=items)

    async def DeleteItem(self, request: catalog_pb2.DeleteItemRequest, context: Context) -> Empty:
        await self._ready()
        await self.dataset.delete(request.id)
        return Empty()


class Account(account_pb2_grpc.AccountServicer):
    def __init__(self, known: FakeAccounts) -> None:
        self.known = known
        self.fails = False

    async def SetMark(self, request: account_pb2.SetMarkRequest, context: Context) -> Empty:
        self.known.marks.add((request.item.type, request.item.id))
        return Empty()

    async def RemoveItemMarks(self, request: account_pb2.RemoveItemMarksRequest, context: Context) -> Empty:
        if self.fails:
            raise RuntimeError("the account service has a bad day")
        await self.known.remove_item_marks(request.item)
        return Empty()

    async def GetTopItems(
        self, request: account_pb2.GetTopItemsRequest, context: Context
    ) -> account_pb2.GetTopItemsResponse:
        return account_pb2.GetTopItemsResponse(items=await self.known.top_items(request.type, request.limit))


class Library:
    """A running library; `stub` calls it."""

    def __init__(self) -> None:
        self.catalogs = {
            of: Catalog(FakeDataset(of, [(f"{ItemType.Name(of)} {number}", ["Drama"]) for number in range(3)]))  # type: ignore[abstract]  # it answers what the tests ask
            for of in (BOOK, SHOW, ANIME)
        }
        self.account = Account(FakeAccounts())  # type: ignore[abstract]
        self.stub: Any = None
        self.ping: Any = None

    async def start(self, stack: AsyncExitStack) -> None:
        async def ping() -> None:
            pass

        async def serve(name: str, add: Any, servicer: Any) -> str:
            port = await stack.enter_async_context(GrpcService(SETTINGS, name, add, servicer, ping).running())
            return f"127.0.0.1:{port}"

        addresses = {
            of: await serve("seen.v1.Catalog", catalog_pb2_grpc.add_CatalogServicer_to_server, catalog)
            for of, catalog in self.catalogs.items()
        }
        account = await serve("seen.v1.Account", account_pb2_grpc.add_AccountServicer_to_server, self.account)
        all_datasets = await stack.enter_async_context(datasets.connect(addresses))
        servicer = LibraryServicer(all_datasets, await stack.enter_async_context(accounts.connect(account)))
        self.ping = all_datasets.ping
        library = await serve("seen.v1.Library", library_pb2_grpc.add_LibraryServicer_to_server, servicer)
        self.stub = library_pb2_grpc.LibraryStub(await stack.enter_async_context(clients.connect(library)))

    def ref(self, of: ItemType, number: int = 0) -> ItemRef:
        return ItemRef(type=of, id=self.catalogs[of].dataset.items[number].id)


@pytest.fixture
async def library() -> AsyncIterator[Library]:
    running = Library()
    async with AsyncExitStack() as stack:
        await running.start(stack)
        yield running


def page(**fields: Any) -> library_pb2.ListLibraryRequest:
    return library_pb2.ListLibraryRequest(**({"page": 1, "size": 9} | fields))


async def test_a_page_holds_items_of_every_type(library: Library) -> None:
    answer = await library.stub.ListItems(page(), timeout=5)
    assert [item.type for item in answer.items] == [BOOK, SHOW, ANIME] * 3


async def test_a_dataset_that_hangs_is_given_up_in_time_for_the_others_to_answer(library: Library) -> None:
    library.catalogs[SHOW].hangs = True
    started = time.monotonic()
    answer = await library.stub.ListItems(page(), timeout=1)
    assert time.monotonic() - started < 1
    assert answer.missing == [SHOW]
    assert {item.type for item in answer.items} == {BOOK, ANIME}


async def test_log_and_metrics_say_whose_items_an_answer_lacks(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    def lacking() -> float:
        return REGISTRY.get_sample_value("seen_answers_without_total", {"type": "SHOW"}) or 0

    before = lacking()
    library.catalogs[SHOW].hangs = True
    await library.stub.ListItems(page(), timeout=1)
    assert "answered without SHOW" in caplog.messages
    assert lacking() == before + 1


async def test_with_one_dataset_that_answers_it_is_well_whatever_the_others_do(library: Library) -> None:
    library.catalogs[BOOK].hangs = library.catalogs[SHOW].hangs = True
    async with asyncio.timeout(health.PING_TIMEOUT_S):
        await library.ping()


async def test_without_any_dataset_it_is_not_well(library: Library) -> None:
    for catalog in library.catalogs.values():
        catalog.fails = True
    with pytest.raises(Unavailable):
        await library.ping()


async def test_a_dataset_that_hangs_after_counting_leaves_its_places_empty(library: Library) -> None:
    await library.stub.ListItems(page(), timeout=5)
    library.catalogs[SHOW].hangs = True
    answer = await library.stub.ListItems(page(size=3), timeout=1)
    assert ([item.type for item in answer.items], answer.total) == ([BOOK, ANIME], 9)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("page", 0),
        ("page", -1),
        ("page", 2**62),
        ("size", 0),
        ("size", 101),
        ("search", "x" * 201),
        ("category", "\0"),
        ("category", " "),
        ("search", " "),
    ],
)
async def test_a_faulty_request_for_a_page_is_refused_by_the_name_of_the_field(
    library: Library, field: str, wrong: object
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await library.stub.ListItems(page(**{field: wrong}), timeout=5)
    assert [name for name, _ in field_violations(refused.value)] == [field]


async def test_only_an_item_that_exists_can_be_marked(library: Library) -> None:
    request = library_pb2.MarkItemRequest(
        subject=ANA, item=ItemRef(type=BOOK, id="f" * 24), kind=cast(Any, account_pb2.SEEN)
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await library.stub.MarkItem(request, timeout=5)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert not library.account.known.marks


async def test_an_item_of_no_dataset_is_refused(library: Library) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await library.stub.GetItem(library_pb2.GetLibraryItemRequest(item=ItemRef(id="f" * 24)), timeout=5)
    assert field_violations(refused.value) == [("type", "must be one of BOOK, SHOW, ANIME")]


async def test_a_delete_that_failed_half_way_is_finished_by_the_next_one(library: Library) -> None:
    ref = library.ref(BOOK)
    library.account.known.marks.add((ref.type, ref.id))
    library.account.fails = True
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await library.stub.DeleteItem(library_pb2.DeleteLibraryItemRequest(item=ref), timeout=5)
    assert failed.value.code() is grpc.StatusCode.INTERNAL

    library.account.fails = False
    with pytest.raises(grpc.aio.AioRpcError) as gone:
        await library.stub.DeleteItem(library_pb2.DeleteLibraryItemRequest(item=ref), timeout=5)
    assert gone.value.code() is grpc.StatusCode.NOT_FOUND
    assert not library.account.known.marks


async def test_the_top_ten_leaves_out_what_is_gone(library: Library) -> None:
    library.account.known.likes = [
        account_pb2.LikedItem(item=ItemRef(type=BOOK, id="f" * 24), likes=9),
        account_pb2.LikedItem(item=library.ref(BOOK, 1), likes=5),
        account_pb2.LikedItem(item=library.ref(BOOK, 0), likes=5),
    ]
    answer = await library.stub.GetTopTen(library_pb2.GetTopTenRequest(type=BOOK), timeout=5)
    assert [(entry.item.name, entry.likes) for entry in answer.items] == [("BOOK 1", 5), ("BOOK 0", 5)]
