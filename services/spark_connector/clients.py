"""Clients of the account service and the datasets, which a training reads. The services may be down at the start."""

from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice
from typing import TypeVar

import grpc

from seen.v1 import account_pb2, account_pb2_grpc, catalog_pb2, catalog_pb2_grpc
from seen.v1.account_pb2 import ExportedMark
from seen.v1.catalog_pb2 import ListCategoriesResponse
from seen.v1.types_pb2 import Item, ItemType
from services.common import clients
from services.common.errors import DeadlineExceeded, Unavailable

T = TypeVar("T")

MARKS_PER_PAGE = 10_000
# The most that one call may return; a thousand books with long descriptions take some megabytes.
ITEMS_PER_CALL = 500
MOST_VOTED = 1000

_NO_ACCOUNTS = "the account service does not answer"


class Accounts:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = account_pb2_grpc.AccountStub(channel)

    async def count_marks(self) -> int:
        """The number of everyone's marks as seen and liked."""
        return (await _named(self._stub.CountMarks(account_pb2.CountMarksRequest()), _NO_ACCOUNTS)).marks

    async def export_marks(self) -> AsyncIterator[Sequence[ExportedMark]]:
        """Everyone's marks as seen and liked, page by page."""
        cursor = ""
        while True:
            request = account_pb2.ExportMarksRequest(size=MARKS_PER_PAGE, cursor=cursor)
            page = await _named(self._stub.ExportMarks(request), _NO_ACCOUNTS)
            yield page.marks
            cursor = page.next_cursor
            if not cursor:
                return


class Catalog:
    """The dataset of one item type."""

    def __init__(self, item_type: ItemType, channel: grpc.aio.Channel) -> None:
        self.type = item_type
        self._no_items = f"the {ItemType.Name(item_type)} items do not answer"
        self._stub = catalog_pb2_grpc.CatalogStub(channel)

    async def items(self, ids: Iterable[str]) -> AsyncIterator[Sequence[Item]]:
        """The existing items among these, in batches."""
        for batch in _batches(ids, ITEMS_PER_CALL):
            request = catalog_pb2.BatchGetItemsRequest(ids=batch)
            yield (await _named(self._stub.BatchGetItems(request), self._no_items)).items

    async def items_by_source_id(self, source_ids: Iterable[str]) -> AsyncIterator[Sequence[Item]]:
        """The existing items among these, in batches."""
        for batch in _batches(source_ids, ITEMS_PER_CALL):
            request = catalog_pb2.FindBySourceIdRequest(source_ids=batch)
            yield (await _named(self._stub.FindBySourceId(request), self._no_items)).items

    async def most_voted(self) -> Sequence[Item]:
        request = catalog_pb2.ListMostVotedRequest(limit=MOST_VOTED)
        return (await _named(self._stub.ListMostVoted(request), self._no_items)).items

    async def categories(self) -> ListCategoriesResponse:
        return await _named(self._stub.ListCategories(catalog_pb2.ListCategoriesRequest()), self._no_items)


def _batches(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(ids)
    while batch := list(islice(iterator, size)):
        yield batch


async def _named(call: Awaitable[T], message: str) -> T:
    """If the service does not answer, raises Unavailable with the message, which names the service."""
    try:
        return await call
    except (Unavailable, DeadlineExceeded) as error:
        raise Unavailable(message) from error


@asynccontextmanager
async def connect(
    account_address: str, catalog_addresses: Mapping[ItemType, str]
) -> AsyncIterator[tuple[Accounts, Sequence[Catalog]]]:
    """Does not wait for the services. The datasets are sorted by type."""
    account = account_pb2.DESCRIPTOR.services_by_name["Account"]
    catalog = catalog_pb2.DESCRIPTOR.services_by_name["Catalog"]
    async with AsyncExitStack() as stack:
        yield (
            Accounts(await stack.enter_async_context(clients.connect(account_address, account))),
            [
                Catalog(item_type, await stack.enter_async_context(clients.connect(address, catalog)))
                for item_type, address in sorted(catalog_addresses.items())
            ],
        )
