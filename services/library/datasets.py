"""The datasets, asked over gRPC: one, or many at once with those that do not answer named."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import grpc

from seen.v1 import catalog_pb2, catalog_pb2_grpc
from seen.v1.catalog_pb2 import Sample, SearchHit
from seen.v1.types_pb2 import Item, ItemType
from services.common import clients, deadline
from services.common.errors import InvalidArgument, NotFound, Unavailable, user_message
from services.library import metrics

log = logging.getLogger(__name__)

T = TypeVar("T")

SERVICE = "seen.v1.Catalog"
READS = ("GetItem", "BatchGetItems", "CountItems", "ListItems", "SearchItems", "SampleItems")
NO_ANSWER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
# The part of the time left that a dataset may take while others have answered already: one that hangs
# twice still leaves time to send what there is.
PATIENCE = 0.4


class Dataset:
    """One type's items. Every method raises Unavailable when the dataset does not answer."""

    def __init__(self, item_type: ItemType, channel: grpc.aio.Channel) -> None:
        self.type = item_type
        self._stub = catalog_pb2_grpc.CatalogStub(channel)

    async def get(self, item_id: str) -> Item:
        return await self._ask(self._stub.GetItem(catalog_pb2.GetItemRequest(id=item_id)))

    async def batch_get(self, item_ids: Sequence[str]) -> Sequence[Item]:
        """Those that exist, in the order asked for."""
        if not item_ids:
            return ()
        return (await self._ask(self._stub.BatchGetItems(catalog_pb2.BatchGetItemsRequest(ids=item_ids)))).items

    async def count(self, category: str) -> int:
        return (await self._ask(self._stub.CountItems(catalog_pb2.CountItemsRequest(category=category)))).count

    async def list(self, category: str, start: int, limit: int) -> Sequence[Item]:
        request = catalog_pb2.ListItemsRequest(category=category, start=start, limit=limit)
        return (await self._ask(self._stub.ListItems(request))).items

    async def search(self, text: str, category: str) -> Sequence[SearchHit]:
        return (
            await self._ask(self._stub.SearchItems(catalog_pb2.SearchItemsRequest(text=text, category=category)))
        ).hits

    async def sample(self, categories: Sequence[str], amount: int) -> Sequence[Sample]:
        """One sample for each category; the empty category stands for the whole dataset."""
        request = catalog_pb2.SampleItemsRequest(categories=[name for name in categories if name], amount=amount)
        return (await self._ask(self._stub.SampleItems(request))).samples

    async def create(self, item: Item) -> Item:
        return await self._ask(self._stub.CreateItem(catalog_pb2.CreateItemRequest(item=item)))

    async def delete(self, item_id: str) -> None:
        await self._ask(self._stub.DeleteItem(catalog_pb2.DeleteItemRequest(id=item_id)))

    async def _ask(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise NotFound(user_message(error)) from error
            if error.code() in NO_ANSWER:
                raise Unavailable(f"the {ItemType.Name(self.type)} items do not answer; try again later") from error
            raise


class Datasets:
    """All datasets, in the order of their types."""

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self.by_type = {dataset.type: dataset for dataset in sorted(datasets, key=lambda dataset: dataset.type)}

    def of(self, item_type: ItemType) -> Dataset:
        """InvalidArgument if no dataset has items of this type."""
        if item_type not in self.by_type:
            raise InvalidArgument("type", f"must be one of {', '.join(map(ItemType.Name, self.by_type))}")
        return self.by_type[item_type]

    async def ping(self) -> None:
        """Fails while no dataset answers; with one of them there is something to show, so it waits for no other."""
        asked = [asyncio.ensure_future(dataset.count("")) for dataset in self.by_type.values()]
        try:
            for answer in asyncio.as_completed(asked):
                with contextlib.suppress(Unavailable, grpc.aio.AioRpcError):
                    await answer
                    return
        finally:
            for question in asked:
                question.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        raise Unavailable("no dataset answers")


async def ask_all(
    asked: Mapping[ItemType, Callable[[], Awaitable[T]]],
) -> tuple[dict[ItemType, T], list[ItemType]]:
    """Asks many datasets at once. Returns their answers, and the types whose dataset does not answer."""
    patience_s = deadline.remaining() * PATIENCE

    async def ask(call: Callable[[], Awaitable[T]]) -> T:
        async with asyncio.timeout(patience_s):
            return await call()

    results = await asyncio.gather(*(ask(call) for call in asked.values()), return_exceptions=True)
    answers: dict[ItemType, T] = {}
    missing = []
    for item_type, result in zip(asked, results, strict=True):
        if isinstance(result, Unavailable | TimeoutError):
            missing.append(item_type)
            metrics.answered_without(item_type)
        elif isinstance(result, BaseException):
            raise result
        else:
            answers[item_type] = result
    if missing:
        log.warning("answered without %s", ", ".join(map(ItemType.Name, missing)))
    return answers, missing


@asynccontextmanager
async def connect(addresses: Mapping[ItemType, str]) -> AsyncIterator[Datasets]:
    channels = {item_type: clients.connect(address, SERVICE, READS) for item_type, address in addresses.items()}
    try:
        yield Datasets([Dataset(item_type, channel) for item_type, channel in channels.items()])
    finally:
        for channel in channels.values():
            await channel.close()
