"""A dataset over its shards, all of them asked at once."""

import asyncio
import dataclasses
import logging
from collections.abc import Sequence

from bson import ObjectId

from services.catalog import documents, limits, sampling, search
from services.catalog.ids import Ids
from services.catalog.item import Item
from services.catalog.places import WHOLE
from services.catalog.sampling import Sample
from services.catalog.search import Hit
from services.catalog.shard import Shard
from services.catalog.together import together
from services.common import deadline, interleave
from services.common.errors import Aborted, AlreadyExists, InvalidArgument, NotFound, Unavailable

log = logging.getLogger(__name__)

# Building the indexes of a shard that was filled by other means takes its time; on an empty one, none.
INDEXES_WITHIN_S = 3600
PING_WITHIN_S = 0.9


class Store:
    def __init__(self, name: str, shards: Sequence[Shard]) -> None:
        self.name = name
        self.shards = shards
        self._ids = Ids(len(shards))

    async def get(self, item_id: str) -> Item:
        shard, object_id = self._ids.parse(item_id)
        found = await self.shards[shard].get([object_id])
        if object_id not in found:
            raise NotFound(f"the {self.name} dataset has no item with the id {item_id}")
        return documents.item(found[object_id], item_id)

    async def batch_get(self, item_ids: Sequence[str]) -> list[Item]:
        """Those that exist, in the order of the ids. What cannot be an id does not exist."""
        wanted: dict[int, dict[ObjectId, str]] = {}
        for item_id in item_ids:
            try:
                shard, object_id = self._ids.parse(item_id)
            except InvalidArgument:
                continue
            wanted.setdefault(shard, {})[object_id] = item_id
        found = await together(*(self._batch_of(shard, of_shard) for shard, of_shard in wanted.items()))
        items = {item.id: item for of_shard in found for item in of_shard}
        return [items[item_id] for item_id in item_ids if item_id in items]

    async def _batch_of(self, shard: int, wanted: dict[ObjectId, str]) -> list[Item]:
        found = await self.shards[shard].get(wanted)
        return [documents.item(document, wanted[object_id]) for object_id, document in found.items()]

    async def count(self, category: str) -> int:
        return sum(await self._lengths(category))

    async def items(self, category: str, start: int, limit: int) -> list[Item]:
        """The shards in turn: the first item of each, the second of each, and on without those that have run out."""
        lengths = await self._lengths(category)
        spans = [range(begin, begin + count) for begin, count in interleave.spans(lengths, start, limit)]
        found = await together(
            *(shard.standing_at({category: span}) for shard, span in zip(self.shards, spans, strict=True))
        )
        ahead = [iter(span) for span in spans]
        listed = []
        for shard in interleave.sources(lengths, start, limit):
            document = found[shard].get((category, next(ahead[shard])))
            if document is not None:
                listed.append(documents.item(document, self._ids.text(shard, documents.object_id(document))))
        return listed

    async def sample(self, categories: Sequence[str], amount: int) -> list[Sample]:
        return await sampling.sample(self.shards, self._ids, categories or [WHOLE], amount)

    async def search(self, text: str, category: str) -> list[Hit]:
        return await search.search(self.shards, self._ids, text, category)

    async def create(self, item: Item) -> Item:
        checked = limits.checked(item)
        lengths = await self._lengths(WHOLE)
        shard = lengths.index(min(lengths))
        if await self._elsewhere(shard, checked.source_id):
            raise AlreadyExists("an item with this sourceId exists already", field="sourceId")
        object_id = await self.shards[shard].create(documents.fields(checked))
        # A unique index ends at its shard. Of two that come at the same moment each finds the other here.
        if await self._elsewhere(shard, checked.source_id):
            await self.shards[shard].delete(object_id)
            raise Aborted("an item with this sourceId is being added by somebody else; try again")
        return dataclasses.replace(checked, id=self._ids.text(shard, object_id))

    async def _elsewhere(self, shard: int, source_id: str | None) -> bool:
        if source_id is None:
            return False
        others = [other for number, other in enumerate(self.shards) if number != shard]
        return any(await together(*(other.with_source_ids([source_id]) for other in others)))

    async def delete(self, item_id: str) -> None:
        shard, object_id = self._ids.parse(item_id)
        if not await self.shards[shard].delete(object_id):
            raise NotFound(f"the {self.name} dataset has no item with the id {item_id}")

    async def _lengths(self, category: str) -> list[int]:
        return await together(*(shard.length(category) for shard in self.shards))

    async def ping(self) -> None:
        deadline.start(PING_WITHIN_S)  # so that it is the shard at fault that the log names
        await together(*(shard.ping() for shard in self.shards))
        for shard in self.shards:
            if not shard.has_indexes:
                raise Unavailable(f"{shard.label} has no indexes yet")

    async def make_indexes(self, retry_s: float = 0.5) -> None:
        """Waits for the shards as long as it takes."""
        await asyncio.gather(*(self._make_indexes(shard, retry_s) for shard in self.shards))

    async def _make_indexes(self, shard: Shard, retry_s: float) -> None:
        while True:
            try:
                deadline.start(INDEXES_WITHIN_S)
                async with shard.asked():
                    return await shard.make_indexes()
            except Unavailable:
                pass  # the ping says so
            except Exception:
                log.exception("%s refuses its indexes", shard.label)
            await asyncio.sleep(retry_s)
