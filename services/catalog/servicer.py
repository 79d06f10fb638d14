"""The RPCs of seen.v1.Catalog."""

from google.protobuf.empty_pb2 import Empty

from seen.v1 import catalog_pb2, catalog_pb2_grpc, types_pb2
from seen.v1.types_pb2 import ItemType
from services.catalog import convert
from services.catalog.item import CATEGORY, NAME
from services.catalog.store.store import Store
from services.common import checks
from services.common.errors import InvalidArgument
from services.common.server import Context

MAX_ITEMS = 1000
MAX_SAMPLES = 50
MAX_START = 2**53


class CatalogServicer(catalog_pb2_grpc.CatalogServicer):
    def __init__(self, item_type: ItemType, store: Store) -> None:
        self._type = item_type
        self._store = store

    async def GetItem(self, request: catalog_pb2.GetItemRequest, context: Context) -> types_pb2.Item:
        return convert.item_to_pb(await self._store.get(request.id), self._type)

    async def BatchGetItems(
        self, request: catalog_pb2.BatchGetItemsRequest, context: Context
    ) -> catalog_pb2.BatchGetItemsResponse:
        checks.max_entries("ids", len(request.ids), MAX_ITEMS)
        items = await self._store.batch_get(request.ids)
        return catalog_pb2.BatchGetItemsResponse(items=convert.items_to_pb(items, self._type))

    async def CountItems(
        self, request: catalog_pb2.CountItemsRequest, context: Context
    ) -> catalog_pb2.CountItemsResponse:
        return catalog_pb2.CountItemsResponse(count=await self._store.count(_category(request.category)))

    async def ListItems(self, request: catalog_pb2.ListItemsRequest, context: Context) -> catalog_pb2.ListItemsResponse:
        items, count = await self._store.list_items(
            _category(request.category),
            checks.integer("start", request.start, 0, MAX_START),
            checks.integer("limit", request.limit, 1, MAX_ITEMS),
        )
        return catalog_pb2.ListItemsResponse(items=convert.items_to_pb(items, self._type), count=count)

    async def SearchItems(
        self, request: catalog_pb2.SearchItemsRequest, context: Context
    ) -> catalog_pb2.SearchItemsResponse:
        text = NAME.check("search", request.text)
        hits = await self._store.search(text, _category(request.category))
        return catalog_pb2.SearchItemsResponse(hits=map(convert.hit_to_pb, hits))

    async def ListMostVoted(
        self, request: catalog_pb2.ListMostVotedRequest, context: Context
    ) -> catalog_pb2.ListMostVotedResponse:
        items = await self._store.most_voted(checks.integer("limit", request.limit, 1, MAX_ITEMS))
        return catalog_pb2.ListMostVotedResponse(items=convert.items_to_pb(items, self._type))

    async def FindBySourceId(
        self, request: catalog_pb2.FindBySourceIdRequest, context: Context
    ) -> catalog_pb2.FindBySourceIdResponse:
        checks.max_entries("source_ids", len(request.source_ids), MAX_ITEMS)
        items = await self._store.find_by_source_id(request.source_ids)
        return catalog_pb2.FindBySourceIdResponse(items=convert.items_to_pb(items, self._type))

    async def ListCategories(
        self, request: catalog_pb2.ListCategoriesRequest, context: Context
    ) -> catalog_pb2.ListCategoriesResponse:
        return convert.counts_to_pb(await self._store.counts())

    async def SampleItems(
        self, request: catalog_pb2.SampleItemsRequest, context: Context
    ) -> catalog_pb2.SampleItemsResponse:
        checks.max_entries("categories", len(request.categories), MAX_SAMPLES)
        amount = checks.integer("amount", request.amount, 1, MAX_ITEMS)
        samples = await self._store.sample(
            [_category(name, min_length=1) for name in request.categories],
            amount,
            checks.integer("max_categories", request.max_categories, 0, MAX_SAMPLES),
            request.seed if request.HasField("seed") else None,
        )
        return catalog_pb2.SampleItemsResponse(samples=[convert.sample_to_pb(sample, self._type) for sample in samples])

    async def CreateItem(self, request: catalog_pb2.CreateItemRequest, context: Context) -> types_pb2.Item:
        if request.item.type not in (ItemType.ITEM_TYPE_UNSPECIFIED, self._type):
            raise InvalidArgument("type", f"must be {ItemType.Name(self._type)}")
        if request.item.id:
            raise InvalidArgument("id", "must be empty; the dataset assigns it")
        return convert.item_to_pb(await self._store.create(convert.item_from_pb(request.item)), self._type)

    async def DeleteItem(self, request: catalog_pb2.DeleteItemRequest, context: Context) -> Empty:
        await self._store.delete(request.id)
        return Empty()


def _category(name: str, min_length: int = 0) -> str:
    return checks.text("category", name, CATEGORY.max_length, min_length=min_length)
