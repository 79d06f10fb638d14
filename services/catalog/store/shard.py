"""One shard of a dataset: one MongoDB database."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from bson import ObjectId
from pymongo import AsyncMongoClient, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError
from pymongo.write_concern import WriteConcern

from seen.v1.types_pb2 import ItemType
from services.catalog import metrics
from services.catalog.item import Item
from services.catalog.store import documents, mongo, positions
from services.catalog.store.documents import Document
from services.catalog.store.ids import Ids
from services.catalog.store.positions import ListPosition, PositionIndex
from services.common import deadline

log = logging.getLogger(__name__)

VOTES_KEYS = [("votes", -1), ("_id", 1)]
HAS_VOTES = {"votes": {"$gt": 0}}
INDEXES = [
    IndexModel(positions.INDEX_KEYS, name="places", unique=True),
    IndexModel("sourceId", name="sourceId", unique=True, partialFilterExpression={"sourceId": {"$exists": True}}),
    IndexModel([("nameKey", 1), ("_id", 1)], name="nameKey"),
    IndexModel("words", name="words"),
    IndexModel(VOTES_KEYS, name="votes", partialFilterExpression=HAS_VOTES),
]
DUPLICATE_KEY = 11000
# Creating indexes takes long only on a shard that was filled without them.
CREATE_INDEXES_TIMEOUT_S = 3600
# How old a list's length may be. Only writes of other processes are seen late: our own writes clear the lengths.
LENGTHS_MAX_AGE_S = 1.0
# A hole that a reader finds may be a position whose item is just being inserted.
FILL_DELAY_S = 1.0
# Several thousand holes take seconds to fill. Further holes are ignored until a reader finds them again.
MAX_HOLES_TO_FILL = 10_000
FILL_TIMEOUT_S = 60
# A crashed load leaves the holes of one batch: up to 100,000 in each list.
REPAIR_TIMEOUT_S = 600

T = TypeVar("T")


class Shard:
    """Shard `number`, from 1, of a dataset with `total` shards."""

    def __init__(
        self,
        client: AsyncMongoClient[Document],
        database: str,
        name: str,
        item_type: ItemType,
        number: int,
        total: int,
    ) -> None:
        # Names the shard in errors, which users see.
        self.label = f"the {name} dataset" + (f"'s shard {number}" if total > 1 else "")
        self.has_indexes = False
        self._index, self._ids = number - 1, Ids(total)
        self._up = metrics.SHARD_UP.labels(name, number)
        self._client = client
        self._database = client[database]
        # Writes are acknowledged when they are durable.
        self.items: AsyncCollection[Document] = self._database[name].with_options(
            write_concern=WriteConcern("majority", j=True)
        )
        self.positions = PositionIndex(item_type, self.items, self._database[f"{name}_counts"])
        self.versions: AsyncCollection[Document] = self._database[f"{name}_versions"]
        self._lengths: dict[str, int] = {}
        self._lengths_expire = 0.0  # in the event loop's time
        self._holes_to_fill: set[ListPosition] = set()
        self._filling: asyncio.Task[None] | None = None

    def within_deadline(self) -> AbstractAsyncContextManager[None]:
        return mongo.within_deadline(self._client, self.label)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Calls made in this context end before the deadline, and may change the lengths of lists."""
        try:
            async with self.within_deadline():
                yield
        finally:
            self._lengths = {}  # a read that has begun before stores its result in the old dict

    async def ping(self) -> None:
        try:
            async with self.within_deadline():
                await self._database.command("ping")
        except Exception:  # not CancelledError: a cancelled ping says nothing about the shard
            self._up.set(0)
            raise
        self._up.set(1)

    async def create_indexes(self) -> None:
        """Creates the indexes that do not exist."""
        if not self.has_indexes:
            deadline.start(CREATE_INDEXES_TIMEOUT_S)
            async with self.within_deadline():
                await self.items.create_indexes(INDEXES)
            self.has_indexes = True

    def item_id(self, document: Document) -> str:
        return self._ids.text(self._index, document["_id"])

    def _item(self, document: Document) -> Item:
        return documents.to_item(document, self.item_id(document))

    async def _find_items(self, query: Document, **options: Any) -> list[Item]:
        """`options` are those of pymongo's `find`. Without `sort`, the items have no order."""
        async with self.within_deadline():
            stored = await self.items.find(query, documents.ITEM_FIELDS, **options).to_list()
        return [self._item(document) for document in stored]

    async def get(self, object_id: ObjectId) -> Item | None:
        async with self.within_deadline():
            document = await self.items.find_one({"_id": object_id}, documents.ITEM_FIELDS)
        return self._item(document) if document else None

    async def batch_get(self, object_ids: Sequence[ObjectId]) -> list[Item]:
        """The items that exist, in no order."""
        return await self._find_items({"_id": {"$in": object_ids}})

    async def find_by_source_id(self, source_ids: Collection[str]) -> list[Item]:
        """The items that exist, in no order."""
        return await self._find_items(_with_source_id(source_ids))

    async def documents_by_source_id(self, source_ids: Collection[str]) -> dict[str, Document]:
        """The whole documents of the items that exist, by source id."""
        async with self.within_deadline():
            stored = await self.items.find(_with_source_id(source_ids)).to_list()
        return {document["sourceId"]: document for document in stored}

    async def most_voted(self, limit: int) -> list[Item]:
        """The items with the most votes, most first, then by id."""
        return await self._find_items(HAS_VOTES, sort=VOTES_KEYS, limit=limit, hint="votes")

    async def length(self, list_name: str) -> int:
        return (await self.lengths([list_name]))[list_name]

    async def lengths(self, list_names: Sequence[str]) -> dict[str, int]:
        """At most LENGTHS_MAX_AGE_S old."""
        now = asyncio.get_running_loop().time()
        if now >= self._lengths_expire:
            self._lengths, self._lengths_expire = {}, now + LENGTHS_MAX_AGE_S
        lengths = self._lengths
        if unknown := [name for name in list_names if name not in lengths]:
            async with self.within_deadline():
                lengths.update(await self.positions.lengths(unknown))
        return {name: lengths[name] for name in list_names}

    async def all_lengths(self) -> dict[str, int]:
        """The lengths of all lists that have items. The cost depends on their number."""
        async with self.within_deadline():
            return await self.positions.all_lengths()

    async def get_at(self, positions_by_list: Mapping[str, Sequence[int]]) -> dict[ListPosition, Item]:
        """The items at these positions, in one query. Holes are left out, and filled in the background."""
        requested = {(name, position) for name, numbers in positions_by_list.items() for position in numbers}
        if not requested:
            return {}
        async with self.within_deadline():
            query = positions.query(positions_by_list)
            stored = await self.items.find(query, documents.ITEM_FIELDS_AND_POSITIONS).to_list()
        items = {
            position: self._item(document)
            for document in stored
            for position in positions.positions_of(document)
            if position in requested
        }
        if len(items) < len(requested):
            self._fill_in_background(requested - items.keys())
        return items

    async def insert(self, new: Sequence[Document], *, batch: bool = False) -> list[Document]:
        """Adds documents and gives them ids and positions. Returns the documents whose sourceId exists already."""
        duplicates: list[Document] = []
        remaining = list(new)
        async with self.writing():
            while remaining:
                for document in remaining:
                    document["_id"] = ObjectId()
                reserved = await self.positions.reserve_for(remaining, batch=batch)
                refused = await self._insert_many(remaining)
                await self.positions.confirm(reserved, batch=batch)
                for document, _ in refused:
                    await self.positions.fill(positions.positions_of(document))
                duplicates += [document for document, index in refused if index == "sourceId"]
                # Another item was moved to a reserved position: try again with new positions.
                remaining = [document for document, index in refused if index == "places"]
        return duplicates

    async def _insert_many(self, new: Sequence[Document]) -> list[tuple[Document, str]]:
        """Returns the documents that a unique index refused, each with the name of the index."""
        try:
            await self.items.insert_many(new, ordered=False)
        except BulkWriteError as error:
            failures = error.details["writeErrors"]
            if any(failure["code"] != DUPLICATE_KEY for failure in failures):
                raise
            return [
                (new[failure["index"]], "sourceId" if "sourceId" in failure["keyPattern"] else "places")
                for failure in failures
            ]
        return []

    async def delete(self, object_id: ObjectId) -> bool:
        """False if no item has this id."""
        async with self.writing():
            deleted = await self.items.find_one_and_delete({"_id": object_id}, {"places": 1})
            if deleted is None:
                return False
            await self.positions.fill(positions.positions_of(deleted))
            return True

    async def repair(self) -> None:
        """Fills the holes that a crashed load has left. Only safe while no load is running."""
        deadline.start(REPAIR_TIMEOUT_S)
        async with self.writing():
            await self.positions.repair()

    def _fill_in_background(self, holes: Iterable[ListPosition]) -> None:
        if len(self._holes_to_fill) < MAX_HOLES_TO_FILL:
            self._holes_to_fill.update(holes)
        if self._filling is None or self._filling.done():
            self._filling = asyncio.create_task(self._fill_found_holes())

    async def _fill_found_holes(self) -> None:
        while self._holes_to_fill:
            await asyncio.sleep(FILL_DELAY_S)
            deadline.start(FILL_TIMEOUT_S)  # the request that found the hole has been answered
            holes, self._holes_to_fill = self._holes_to_fill, set()
            try:
                async with self.writing():
                    for list_name, hole in sorted(holes, reverse=True):
                        await self.positions.fill_unless_reserved(list_name, hole)
            except Exception:
                log.warning("filling holes failed; they are filled when they are found again", exc_info=True)

    async def close(self) -> None:
        if self._filling:
            self._filling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._filling


def _with_source_id(source_ids: Collection[str]) -> Document:
    return {"sourceId": {"$in": list(source_ids)}}


async def gather_all(*calls: Awaitable[T]) -> list[T]:
    """All results, or the first failure. Unlike asyncio.gather, it raises only when all calls have ended."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    successes: list[T] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        successes.append(result)
    return successes
