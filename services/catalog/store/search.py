"""Search by name: equal names first, then names that begin with the text, then names that contain its words."""

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from seen.v1.catalog_pb2 import PREFIX, WHOLE_NAME, WORDS, Match
from services.catalog.store import search_keys
from services.catalog.store.documents import Document
from services.catalog.store.positions import ALL_ITEMS, in_list
from services.catalog.store.shard import Shard, gather_all

MAX_HITS = 200
# In a category with at most this many items on a shard, all names are compared.
SMALL_CATEGORY = 20_000
_PROJECTION = {"name": 1, "nameKey": 1}
_BY_NAME = [("nameKey", 1), ("_id", 1)]


@dataclass(frozen=True, order=True)
class Hit:
    """Hits are sorted by their fields in this order."""

    match: Match  # the best match has the lowest number
    name_key: str
    name: str
    id: str


async def search(shards: Sequence[Shard], text: str, category: str) -> list[Hit]:
    """The best hits of all shards, at most MAX_HITS."""
    key = search_keys.name_key(text)
    hits_by_shard = await gather_all(*(_search_shard(shard, key, category) for shard in shards))
    return heapq.nsmallest(MAX_HITS, itertools.chain.from_iterable(hits_by_shard))


async def _search_shard(shard: Shard, key: str, category: str) -> list[Hit]:
    if not key:
        return []
    # Scanning a small category is cheapest. In a large one, the index on names soon yields MAX_HITS.
    scan = category != ALL_ITEMS and await shard.length(category) <= SMALL_CATEGORY
    prefix = {"nameKey": _begins_with(key)}
    matching = await _find(shard, [prefix, in_list(category)], MAX_HITS, index="places" if scan else "nameKey")
    words = _word_conditions(key)
    if len(matching) < MAX_HITS and words:
        ids = {document["_id"] for document in matching}
        # Names found by prefix may match again, hence the higher limit.
        limit = MAX_HITS + len(matching)
        by_words = await _find(shard, [*words, in_list(category)], limit, index="places" if scan else "words")
        matching += [document for document in by_words if document["_id"] not in ids]
    return [
        Hit(_match(document["nameKey"], key), document["nameKey"], document["name"], shard.item_id(document))
        for document in matching
    ]


async def _find(shard: Shard, conditions: list[Document], limit: int, index: str) -> list[Document]:
    """Sorted by name. `index` is fixed, because the query planner would choose by a trial on a few documents."""
    async with shard.within_deadline():
        matching = shard.items.find({"$and": conditions}, _PROJECTION, sort=_BY_NAME, limit=limit, hint=index)
        return await matching.to_list()


def _word_conditions(key: str) -> list[Document]:
    """The name has all the words; the last one may be the beginning of a word."""
    *whole_words, last = search_keys.words(key) or [""]
    if not last:
        return []
    return [{"words": {"$elemMatch": _begins_with(last)}}, *({"words": word} for word in whole_words)]


def _begins_with(text: str) -> Document:
    return {"$gte": text, "$lt": text + search_keys.LAST_CHARACTER}


def _match(name_key: str, key: str) -> Match:
    return WHOLE_NAME if name_key == key else PREFIX if name_key.startswith(key) else WORDS
