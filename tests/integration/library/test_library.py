"""The library over gRPC, with datasets and accounts that can be made to fail or hang."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.empty_pb2 import Empty
from prometheus_client import REGISTRY

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
from services.common import health
from services.common.errors import Aborted, Internal, InvalidArgument, NotFound, Unavailable
from services.common.server import Context, GrpcServer
from services.common.settings import GrpcSettings
from services.library import clients
from services.library.domain import ItemRef as Ref
from services.library.servicer import LibraryServicer
from services.library.suggestions.models import Models
from services.taste.model import Model, Rows
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
            items=counts.items,
            categories=[catalog_pb2.CategoryCount(name=name, items=count) for name, count in counts.categories.items()],
            themes=[catalog_pb2.CategoryCount(name=name, items=count) for name, count in counts.themes.items()],
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
    def __init__(self, accounts: FakeAccounts) -> None:
        self.accounts = accounts
        self.fails = False
        self.last_mark: account_pb2.SetMarkRequest | None = None

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


def ref_to_pb(ref: Ref) -> ItemRef:
    return ItemRef(type=cast(ItemType, ref.type), id=ref.id)


class Library:
    """A running library; `stub` calls it."""

    def __init__(self) -> None:
        self.catalogs = {
            item_type: Catalog(  # type: ignore[abstract]  # only the methods that the tests call
                FakeDataset(item_type, [(f"{ItemType.Name(item_type)} {number}", ["Drama"]) for number in range(3)])
            )
            for item_type in (BOOK, SHOW, ANIME)
        }
        self.account = Account(FakeAccounts())  # type: ignore[abstract]
        self.spark = Spark()  # type: ignore[abstract]
        self.stub: Any = None
        self.ping: Any = None

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
        others = await stack.enter_async_context(clients.connect(addresses, account, spark_address))
        self.ping = others.datasets.ping
        self.models = Models(others.models, others.datasets, check_interval_s=0.05, votes_interval_s=60)
        await stack.enter_async_context(self.models.running())
        servicer = LibraryServicer(others.datasets, others.accounts, self.models)
        address = await serve(library_service, library_pb2_grpc.add_LibraryServicer_to_server, servicer)
        channel = await stack.enter_async_context(common_clients.connect(address, library_service))
        self.stub = library_pb2_grpc.LibraryStub(channel)

    def ref(self, item_type: ItemType, number: int = 0) -> ItemRef:
        return ItemRef(type=item_type, id=self.catalogs[item_type].dataset.items[number].id)


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


async def test_a_hanging_dataset_is_abandoned_early_enough_for_the_others_to_answer(library: Library) -> None:
    library.catalogs[SHOW].hangs = True
    started = time.monotonic()
    answer = await library.stub.ListItems(page(), timeout=1)
    assert time.monotonic() - started < 1
    assert answer.missing == [SHOW]
    assert {item.type for item in answer.items} == {BOOK, ANIME}


async def test_the_log_and_a_metric_name_the_type_that_an_answer_lacks(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    def answers_without_show() -> float:
        return REGISTRY.get_sample_value("seen_answers_without_total", {"type": "SHOW"}) or 0

    before = answers_without_show()
    library.catalogs[SHOW].hangs = True
    await library.stub.ListItems(page(), timeout=1)
    assert "answered without SHOW" in caplog.messages
    assert answers_without_show() == before + 1


async def test_the_ping_succeeds_if_one_dataset_answers(library: Library) -> None:
    library.catalogs[BOOK].hangs = library.catalogs[SHOW].hangs = True
    async with asyncio.timeout(health.PING_TIMEOUT_S):
        await library.ping()


async def test_the_ping_fails_if_no_dataset_answers(library: Library) -> None:
    for catalog in library.catalogs.values():
        catalog.fails = True
    with pytest.raises(Unavailable):
        await library.ping()


async def test_a_hanging_dataset_keeps_its_share_of_a_page(library: Library) -> None:
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
async def test_an_invalid_page_request_is_refused_and_the_error_names_the_field(
    library: Library, field: str, wrong: object
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await library.stub.ListItems(page(**{field: wrong}), timeout=5)
    assert refused.value.field == field


async def test_only_an_item_that_exists_can_be_marked(library: Library) -> None:
    request = library_pb2.MarkItemRequest(
        subject=ANA, item=ItemRef(type=BOOK, id="f" * 24), kind=cast(Any, account_pb2.SEEN)
    )
    with pytest.raises(NotFound):
        await library.stub.MarkItem(request, timeout=5)
    assert not library.account.accounts.marks


async def test_a_mark_stores_the_categories_and_themes_of_the_item(library: Library) -> None:
    items = library.catalogs[BOOK].dataset.items
    items[0] = replace(items[0], category=["Sci-Fi", "Space"], themes=["Science Fiction", "Space"])
    request = library_pb2.MarkItemRequest(subject=ANA, item=library.ref(BOOK), kind=account_pb2.NOT_INTERESTED)
    await library.stub.MarkItem(request, timeout=5)
    assert library.account.last_mark == account_pb2.SetMarkRequest(
        subject=ANA,
        item=library.ref(BOOK),
        kind=account_pb2.NOT_INTERESTED,
        category=["Sci-Fi", "Space"],
        themes=["Science Fiction", "Space"],
    )


async def test_an_item_without_a_known_type_is_refused(library: Library) -> None:
    with pytest.raises(InvalidArgument, match="type: must be one of BOOK, SHOW, ANIME"):
        await library.stub.GetItem(library_pb2.GetLibraryItemRequest(item=ItemRef(id="f" * 24)), timeout=5)


def batch(*items: ItemRef) -> library_pb2.BatchGetLibraryItemsRequest:
    return library_pb2.BatchGetLibraryItemsRequest(items=items)


async def test_many_items_come_in_the_order_of_the_request_without_those_that_do_not_exist(library: Library) -> None:
    unknown = ItemRef(type=SHOW, id="f" * 24)
    request = batch(library.ref(ANIME, 1), unknown, library.ref(BOOK, 2), library.ref(ANIME, 0))
    answer = await library.stub.BatchGetItems(request, timeout=5)
    assert [item.name for item in answer.items] == ["ANIME 1", "BOOK 2", "ANIME 0"]
    assert not answer.missing


async def test_many_items_name_the_type_that_does_not_answer(library: Library) -> None:
    library.catalogs[SHOW].fails = True
    answer = await library.stub.BatchGetItems(batch(library.ref(SHOW), library.ref(BOOK)), timeout=5)
    assert [item.name for item in answer.items] == ["BOOK 0"]
    assert list(answer.missing) == [SHOW]


async def test_more_than_100_items_at_once_are_refused(library: Library) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await library.stub.BatchGetItems(batch(*[library.ref(BOOK)] * 101), timeout=5)
    assert refused.value.field == "items"


async def test_repeating_a_delete_that_failed_halfway_removes_the_marks(library: Library) -> None:
    item = library.ref(BOOK)
    library.account.accounts.marks.add(Ref(item.type, item.id))
    library.account.fails = True
    with pytest.raises(Internal):
        await library.stub.DeleteItem(library_pb2.DeleteLibraryItemRequest(item=item), timeout=5)

    library.account.fails = False
    with pytest.raises(NotFound):
        await library.stub.DeleteItem(library_pb2.DeleteLibraryItemRequest(item=item), timeout=5)
    assert not library.account.accounts.marks


async def test_the_top_ten_leaves_out_deleted_items(library: Library) -> None:
    first, second = library.ref(BOOK, 0), library.ref(BOOK, 1)
    library.account.accounts.likes = [
        (Ref(BOOK, "f" * 24), 9),
        (Ref(BOOK, second.id), 5),
        (Ref(BOOK, first.id), 5),
    ]
    answer = await library.stub.GetTopTen(library_pb2.GetTopTenRequest(type=BOOK), timeout=5)
    assert [(entry.item.name, entry.likes) for entry in answer.items] == [("BOOK 1", 5), ("BOOK 0", 5)]


async def test_the_categories_and_themes_of_a_type_are_counted(library: Library) -> None:
    request = library_pb2.ListLibraryCategoriesRequest(type=BOOK)
    counts = await library.stub.ListCategories(request, timeout=2)
    drama = [catalog_pb2.CategoryCount(name="Drama", items=3)]
    assert counts == catalog_pb2.ListCategoriesResponse(items=3, categories=drama, themes=drama)


async def test_categories_of_an_unknown_type_are_refused(library: Library) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await library.stub.ListCategories(library_pb2.ListLibraryCategoriesRequest(), timeout=2)
    assert refused.value.field == "type"


def suggest(**fields: Any) -> library_pb2.SuggestRequest:
    return library_pb2.SuggestRequest(**({"amount": 2} | fields))


async def train(library: Library, version: str, neighbours: dict[int, list[int]]) -> None:
    """The connector has a model of all items, in which items with these numbers go together; waits until it is used."""
    items = [item for catalog in library.catalogs.values() for item in catalog.dataset.items]
    rows = Rows.of([neighbours.get(number, []) for number in range(len(items))])
    weights = np.ones(len(rows.values), np.float32)
    library.spark.content = Model.build(items, {}, version=version, neighbours=rows, weights=weights).to_bytes()
    library.spark.version = version
    async with asyncio.timeout(5):
        while (model := library.models.of_type(BOOK)) is None or model.version != version:
            await asyncio.sleep(0.01)


async def wait_for_votes(library: Library) -> None:
    async with asyncio.timeout(5):
        while any(library.models.of_type(item_type) is None for item_type in library.catalogs):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"strategy": 7}, "strategy"),
        ({"amount": 0}, "amount"),
        ({"types": [BOOK, BOOK]}, "types"),
        ({"exclude": [ItemRef(type=BOOK, id="0" * 24)] * 201}, "exclude"),
        ({"likes": [ItemRef(type=BOOK, id="0" * 24)] * 51}, "likes"),
        ({"likes": [ItemRef(type=BOOK, id="f" * 24)]}, "likes.0.id"),
        ({"exclude": [ItemRef(type=BOOK, id="0" * 24), ItemRef(id="0" * 24)]}, "exclude.1.type"),
    ],
)
async def test_an_invalid_request_for_suggestions_is_refused_and_the_error_names_the_field(
    library: Library, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await library.stub.Suggest(suggest(**fields), timeout=5)
    assert refused.value.field == field


@pytest.mark.parametrize("strategy", [library_pb2.CATEGORIES, library_pb2.TASTE])
async def test_an_answer_names_the_seed_that_repeats_it(library: Library, strategy: library_pb2.Strategy) -> None:
    await wait_for_votes(library)
    first = await library.stub.Suggest(suggest(strategy=strategy), timeout=5)
    assert await library.stub.Suggest(suggest(strategy=strategy, seed=first.seed), timeout=5) == first


async def test_a_whole_dataset_that_was_sampled_is_no_reason(library: Library) -> None:
    answer = await library.stub.Suggest(suggest(), timeout=5)
    assert len(answer.suggestions) == 6
    assert not any(suggestion.HasField("because") for suggestion in answer.suggestions)


async def test_a_model_that_is_read_in_many_parts_gives_suggestions_with_their_reasons(library: Library) -> None:
    library.spark.part = 100
    await train(library, "1", {0: [5]})  # BOOK 0 and SHOW 2
    request = suggest(strategy=library_pb2.TASTE, types=[SHOW], likes=[library.ref(BOOK, 0)])
    answer = await library.stub.Suggest(request, timeout=5)
    best = answer.suggestions[0]
    assert (best.item.name, [item.name for item in best.because.items.items]) == ("SHOW 2", ["BOOK 0"])


async def test_without_a_model_and_marks_items_are_popular(library: Library) -> None:
    await wait_for_votes(library)
    answer = await library.stub.Suggest(suggest(strategy=library_pb2.TASTE), timeout=5)
    assert {suggestion.because.WhichOneof("reason") for suggestion in answer.suggestions} == {"popular"}


async def test_similar_items_are_of_all_types_nearest_first_and_deleted_ones_are_left_out(library: Library) -> None:
    await train(library, "1", {0: [5, 1, 8]})
    await library.catalogs[BOOK].dataset.delete(library.ref(BOOK, 1).id)
    request = library_pb2.ListSimilarRequest(item=library.ref(BOOK, 0), limit=10)
    answer = await library.stub.ListSimilar(request, timeout=5)
    assert [item.name for item in answer.items] == ["SHOW 2", "ANIME 2"]


async def test_an_item_has_no_similar_ones_before_a_training(library: Library) -> None:
    request = library_pb2.ListSimilarRequest(item=library.ref(BOOK), limit=10)
    assert not (await library.stub.ListSimilar(request, timeout=5)).items


async def test_similar_items_of_an_unknown_item_are_not_found(library: Library) -> None:
    request = library_pb2.ListSimilarRequest(item=ItemRef(type=BOOK, id="f" * 24), limit=10)
    with pytest.raises(NotFound):
        await library.stub.ListSimilar(request, timeout=5)
