"""A dataset over its shards. Calls to several shards run concurrently."""

import asyncio
import contextlib
import dataclasses
import heapq
import itertools
import logging
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass

from bson import ObjectId
from pymongo import AsyncMongoClient

from seen.v1.types_pb2 import ItemType
from services.catalog.item import Item, checked
from services.catalog.store import documents, sampling, search, theme_lists
from services.catalog.store.documents import Document
from services.catalog.store.ids import Ids
from services.catalog.store.mongo import SERVER_SELECTION_S, uncancelled
from services.catalog.store.positions import ALL_ITEMS, theme_list, theme_of
from services.catalog.store.sampling import Sample
from services.catalog.store.search import Hit
from services.catalog.store.shard import Shard, gather_all
from services.common import deadline, interleave
from services.common.errors import Aborted, AlreadyExists, InvalidArgument, NotFound, Unavailable

log = logging.getLogger(__name__)

# Below the health check's own timeout, so that the log names the shard.
PING_TIMEOUT_S = 0.9
_PREPARE_RETRY_S = 0.5


@contextlib.asynccontextmanager
async def connect(
    name: str,
    item_type: ItemType,
    uris: Sequence[str],
    database: str,
    server_selection_s: float = SERVER_SELECTION_S,
) -> AsyncIterator["Store"]:
    """The dataset's store. Returns at once, whether the servers are running or not.

    `server_selection_s`: how long a call waits for a server that is down or slow to connect.
    """
    async with contextlib.AsyncExitStack() as stack:
        shards = []
        for number, uri in enumerate(uris, start=1):
            client: AsyncMongoClient[Document] = AsyncMongoClient(
                uri,
                # The service's clients retry reads; retries here would multiply with theirs.
                retryReads=False,
                retryWrites=False,
                serverSelectionTimeoutMS=int(server_selection_s * 1000),
                appname=f"seen-{name}",
            )
            stack.push_async_callback(client.close)
            shard = Shard(client, database, name, item_type, number, total=len(uris))
            stack.push_async_callback(shard.close)
            shards.append(shard)
        yield Store(name, shards)


@dataclass(frozen=True)
class Counts:
    """Numbers of items, by category and by theme."""

    items: int
    categories: Mapping[str, int]
    themes: Mapping[str, int]


class Store:
    def __init__(self, name: str, shards: Sequence[Shard]) -> None:
        self.name = name
        self.shards = shards
        self._ids = Ids(len(shards))

    @uncancelled
    async def get(self, item_id: str) -> Item:
        shard, object_id = self._ids.parse(item_id)
        item = await self.shards[shard].get(object_id)
        if item is None:
            raise self._not_found(item_id)
        return item

    def _not_found(self, item_id: str) -> NotFound:
        return NotFound(f"the {self.name} dataset has no item with the id {item_id}")

    @uncancelled
    async def batch_get(self, item_ids: Sequence[str]) -> list[Item]:
        """The items that exist, in the order of the ids. Malformed ids are ignored."""
        requested: dict[int, list[ObjectId]] = {}
        for item_id in item_ids:
            with contextlib.suppress(InvalidArgument):
                shard, object_id = self._ids.parse(item_id)
                requested.setdefault(shard, []).append(object_id)
        items_by_shard = await gather_all(*(self.shards[shard].batch_get(ids) for shard, ids in requested.items()))
        items = {item.id: item for shard_items in items_by_shard for item in shard_items}
        return [items[item_id] for item_id in item_ids if item_id in items]

    @uncancelled
    async def count(self, category: str) -> int:
        return sum(await self._lengths(category))

    @uncancelled
    async def list_items(self, category: str, start: int, limit: int) -> tuple[list[Item], int]:
        """Merges the shards' lists round-robin. Also returns the length of the whole list."""
        lengths = await self._lengths(category)
        spans = [range(begin, begin + count) for begin, count in interleave.spans(lengths, start, limit)]
        items_by_shard = await gather_all(
            *(shard.get_at({category: span}) for shard, span in zip(self.shards, spans, strict=True))
        )
        positions = [iter(span) for span in spans]
        sources = interleave.sources(lengths, start, limit)
        merged = [items_by_shard[shard].get((category, next(positions[shard]))) for shard in sources]
        return [item for item in merged if item is not None], sum(lengths)  # None: a hole

    @uncancelled
    async def most_voted(self, limit: int) -> list[Item]:
        """The items with the most votes, most first, then by id. Items without votes are left out."""
        by_shard = await gather_all(*(shard.most_voted(limit) for shard in self.shards))
        merged = heapq.merge(*by_shard, key=lambda item: (-(item.votes or 0), item.id))
        return list(itertools.islice(merged, limit))

    @uncancelled
    async def find_by_source_id(self, source_ids: Collection[str]) -> list[Item]:
        """The items that exist, in no order."""
        by_shard = await gather_all(*(shard.find_by_source_id(source_ids) for shard in self.shards))
        return list(itertools.chain.from_iterable(by_shard))

    @uncancelled
    async def counts(self) -> Counts:
        """The number of all items, and of the items of each category and theme that has items."""
        total = Counter[str]()
        for lengths in await gather_all(*(shard.all_lengths() for shard in self.shards)):
            total.update(lengths)
        items = total.pop(ALL_ITEMS, 0)
        themes = {theme: count for name, count in total.items() if (theme := theme_of(name)) is not None}
        return Counts(items, {name: count for name, count in total.items() if theme_of(name) is None}, themes)

    @uncancelled
    async def sample(
        self, themes: Sequence[str], amount: int, max_themes: int = 0, seed: int | None = None
    ) -> list[Sample]:
        """One sample per theme; without themes, one of all items.

        If `max_themes` is not 0, only the first themes that have items are sampled, at most that many. The same seed
        gives the same samples of the same lists.
        """
        if not themes:
            return await sampling.sample(self.shards, [ALL_ITEMS], amount, seed=seed)
        return await sampling.sample(self.shards, [theme_list(theme) for theme in themes], amount, max_themes, seed)

    @uncancelled
    async def search(self, text: str, category: str) -> list[Hit]:
        return await search.search(self.shards, text, category)

    @uncancelled
    async def create(self, item: Item) -> Item:
        """Adds the item to the shard with the fewest items."""
        item = checked(item)
        lengths = await self._lengths(ALL_ITEMS)
        shard = lengths.index(min(lengths))
        document = documents.from_item(item)
        if await self._on_another_shard(shard, item.source_id) or await self.shards[shard].insert([document]):
            raise AlreadyExists("an item with this sourceId already exists", field="sourceId")
        # The index is unique within a shard only. Of two concurrent creates at least one finds the other here.
        if await self._on_another_shard(shard, item.source_id):
            await self.shards[shard].delete(document["_id"])
            raise Aborted("an item with this sourceId is being added by another request; try again")
        return dataclasses.replace(item, id=self._ids.text(shard, document["_id"]))

    async def _on_another_shard(self, shard: int, source_id: str | None) -> bool:
        if source_id is None:
            return False
        others = [other for index, other in enumerate(self.shards) if index != shard]
        return any(await gather_all(*(other.documents_by_source_id([source_id]) for other in others)))

    @uncancelled
    async def delete(self, item_id: str) -> None:
        shard, object_id = self._ids.parse(item_id)
        if not await self.shards[shard].delete(object_id):
            raise self._not_found(item_id)

    async def _lengths(self, category: str) -> list[int]:
        return await gather_all(*(shard.length(category) for shard in self.shards))

    @uncancelled
    async def ping(self) -> None:
        deadline.start(PING_TIMEOUT_S)
        await gather_all(*(shard.ping() for shard in self.shards))
        for shard in self.shards:
            if not shard.has_indexes:
                raise Unavailable(f"{shard.label} has no indexes yet")

    async def create_indexes(self) -> None:
        """Creates the indexes that do not exist."""
        await gather_all(*(shard.create_indexes() for shard in self.shards))

    async def prepare(self) -> None:
        """Creates missing indexes, then brings all items into the right lists. Retries until every shard has both."""
        await asyncio.gather(*map(_prepare, self.shards))


async def _prepare(shard: Shard) -> None:
    while True:
        try:
            await shard.create_indexes()
            return await theme_lists.update_all(shard)
        except Unavailable:
            pass  # logged by the health check
        except Exception:
            log.exception("cannot create the indexes or update the lists of %s", shard.label)
        await asyncio.sleep(_PREPARE_RETRY_S)
