"""One shard of a dataset: one MongoDB database."""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from bson import ObjectId
from pymongo import AsyncMongoClient, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError
from pymongo.write_concern import WriteConcern

from services.catalog import documents, metrics, places
from services.catalog.answers import in_time
from services.catalog.documents import Document
from services.catalog.places import Place, Places
from services.common import deadline
from services.common.errors import AlreadyExists

log = logging.getLogger(__name__)

INDEXES = [
    IndexModel(places.INDEX, name="places", unique=True),
    IndexModel("sourceId", name="sourceId", unique=True, partialFilterExpression={"sourceId": {"$exists": True}}),
    IndexModel([("nameKey", 1), ("_id", 1)], name="nameKey"),
    IndexModel("words", name="words"),
]
DUPLICATE_KEY = 11000
# A hole may be an item on its way in, so it is looked at again before it is closed.
HEAL_AFTER_S = 1.0
MOST_HOLES = 10_000


class Shard:
    """`label` is what users are told when it does not answer: "the imdb dataset's shard 2"; metrics say `number`."""

    def __init__(self, client: AsyncMongoClient[Document], database: str, name: str, number: int, label: str) -> None:
        self.label = label
        self._up = metrics.SHARD_UP.labels(number)
        self._client = client
        self._database = client[database]
        # Acknowledged when durable.
        self.items: AsyncCollection[Document] = self._database[name].with_options(
            write_concern=WriteConcern("majority", j=True)
        )
        self.places = Places(self.items, self._database[f"{name}_counts"])
        self._has_indexes = False
        self._holes: set[Place] = set()
        self._healing: asyncio.Task[None] | None = None

    def asked(self) -> AbstractAsyncContextManager[None]:
        return in_time(self._client, self.label)

    async def ping(self) -> None:
        try:
            async with self.asked():
                await self._database.command("ping")
        except Exception:  # a ping that is cancelled tells nothing of the shard
            self._up.set(0)
            raise
        self._up.set(1)

    async def make_indexes(self) -> None:
        """Does nothing where they exist. On a shard filled without them it takes as long as it takes."""
        if not self._has_indexes:
            await self.items.create_indexes(INDEXES)
            self._has_indexes = True

    @property
    def has_indexes(self) -> bool:
        return self._has_indexes

    async def get(self, ids: Collection[ObjectId]) -> dict[ObjectId, Document]:
        async with self.asked():
            found = await self.items.find({"_id": {"$in": list(ids)}}, documents.ITEM_ONLY).to_list()
        return {documents.object_id(document): document for document in found}

    async def length(self, category: str) -> int:
        return (await self.lengths([category]))[category]

    async def lengths(self, lists: Sequence[str]) -> dict[str, int]:
        async with self.asked():
            return await self.places.lengths(lists)

    async def standing_at(self, wanted: Mapping[str, Sequence[int]]) -> dict[Place, Document]:
        """The items at these places of these lists, in one query. Holes are left out, and closed soon."""
        asked_for = {(name, number) for name, numbers in wanted.items() for number in numbers}
        if not asked_for:
            return {}
        async with self.asked():
            found = await self.items.find(places.standing_at(wanted), {"nameKey": 0, "words": 0}).to_list()
        standing = {place: document for document in found for place in places.places_of(document) if place in asked_for}
        if len(standing) < len(asked_for):
            self._heal_soon(asked_for - standing.keys())
        return standing

    async def with_source_ids(self, source_ids: Collection[str]) -> dict[str, Document]:
        """Whole documents, by their sourceId."""
        async with self.asked():
            found = await self.items.find({"sourceId": {"$in": list(source_ids)}}).to_list()
        return {document["sourceId"]: document for document in found}

    async def create(self, document: Document) -> ObjectId:
        """Adds an item's fields; raises AlreadyExists where an item has the sourceId."""
        async with self.asked():
            if await self.insert([document]):
                raise AlreadyExists("an item with this sourceId exists already", field="sourceId")
        return documents.object_id(document)

    async def insert(self, new: Sequence[Document], *, batch: bool = False) -> list[Document]:
        """Adds items' fields as documents, with an _id and places; returns those whose sourceId was there already."""
        twice: list[Document] = []
        left = list(new)
        while left:
            for document in left:
                document["_id"] = ObjectId()
            taken = await self.places.give(left, batch=batch)
            refused = await self._insert(left)
            if batch:
                await self.places.settle_batch(taken)
            else:
                await self.places.settle(taken)
            for document, _ in refused:
                await self._close(places.places_of(document))
            twice += [document for document, index in refused if index == "sourceId"]
            left = [document for document, index in refused if index != "sourceId"]
        return twice

    async def _insert(self, new: Sequence[Document]) -> list[tuple[Document, str]]:
        """Returns the documents that a unique index refused, each with the index's name."""
        try:
            await self.items.insert_many(new, ordered=False)
        except BulkWriteError as error:
            faults = error.details["writeErrors"]
            if any(fault["code"] != DUPLICATE_KEY for fault in faults):
                raise
            return [(new[fault["index"]], _index_of(fault)) for fault in faults]
        return []

    async def delete(self, object_id: ObjectId) -> bool:
        """False where no item has this id."""
        async with self.asked():
            gone = await self.items.find_one_and_delete({"_id": object_id}, {"places": 1})
            if gone is None:
                return False
            await self._close(places.places_of(gone))
            return True

    async def _close(self, holes: Iterable[Place]) -> None:
        for name, place in holes:
            await self.places.close(name, place)

    def _heal_soon(self, holes: Iterable[Place]) -> None:
        if len(self._holes) < MOST_HOLES:
            self._holes.update(holes)
        if self._healing is None or self._healing.done():
            self._healing = asyncio.create_task(self._heal())

    async def _heal(self) -> None:
        while self._holes:
            await asyncio.sleep(HEAL_AFTER_S)
            deadline.start(60)  # the request that met the hole has been answered
            holes, self._holes = self._holes, set()
            try:
                async with self.asked():
                    for name, place in sorted(holes, reverse=True):
                        await self.places.close_if_left(name, place)
            except Exception:
                log.warning("holes stay open until they are met again", exc_info=True)

    async def close(self) -> None:
        if self._healing:
            self._healing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._healing


def _index_of(fault: Mapping[str, Mapping[str, int]]) -> str:
    """Which unique index refused a document: "sourceId" or "places"."""
    return "sourceId" if "sourceId" in fault["keyPattern"] else "places"
