"""Finding items by name: the whole name, then what begins with the text, then what holds its words."""

import enum
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.catalog import documents, names
from services.catalog.documents import Document
from services.catalog.ids import Ids
from services.catalog.places import WHOLE
from services.catalog.shard import Shard
from services.catalog.together import together

MOST_HITS = 200
# Items of one shard.
SMALL_CATEGORY = 20_000
_WANTED = {"name": 1, "nameKey": 1}
_BY_NAME = [("nameKey", 1), ("_id", 1)]


class Match(enum.IntEnum):
    """Best first."""

    WHOLE_NAME = 0
    PREFIX = 1
    WORDS = 2


@dataclass(frozen=True, order=True)
class Hit:
    match: Match
    name_key: str
    name: str
    id: str


async def search(shards: Sequence[Shard], ids: Ids, text: str, category: str) -> list[Hit]:
    """The best hits of all shards, at most MOST_HITS."""
    key = names.fold(text)
    found = await together(*(_of_shard(shard, key, category) for shard in shards))
    hits = [
        _hit(document, key, ids.text(number, documents.object_id(document)))
        for number, of_shard in enumerate(found)
        for document in of_shard
    ]
    return heapq.nsmallest(MOST_HITS, hits)


async def _of_shard(shard: Shard, key: str, category: str) -> list[Document]:
    if not key:
        return []
    among: Document = {"places": {"$elemMatch": {"c": category or WHOLE}}}
    # A small category is read whole. In a large one, 200 hits are found before many names have been read.
    whole = bool(category) and await shard.length(category) <= SMALL_CATEGORY
    prefix = {"nameKey": {"$gte": key, "$lt": key + names.LAST}}
    found = await _first(shard, [prefix, among], MOST_HITS, "places" if whole else "nameKey")
    conditions = _all_words(key)
    if len(found) < MOST_HITS and conditions:
        known = {documents.object_id(document) for document in found}
        # Those above match again.
        hint = "places" if whole else "words"
        holding = await _first(shard, [*conditions, among], MOST_HITS + len(found), hint)
        found += [document for document in holding if documents.object_id(document) not in known]
    return found


async def _first(shard: Shard, conditions: list[Document], limit: int, hint: str) -> list[Document]:
    """By name. Which index it has to be is known here; the planner would judge by the look of a few documents."""
    async with shard.asked():
        matching = shard.items.find({"$and": conditions}, _WANTED, sort=_BY_NAME, limit=limit, hint=hint)
        return await matching.to_list()


def _all_words(key: str) -> list[dict[str, Any]]:
    """The last word may be unfinished."""
    *finished, last = names.words(key) or [""]
    if not last:
        return []
    begins = {"$elemMatch": {"$gte": last, "$lt": last + names.LAST}}
    return [{"words": begins}, *({"words": word} for word in finished)]


def _hit(document: Document, key: str, item_id: str) -> Hit:
    name_key = document["nameKey"]
    match = Match.WHOLE_NAME if name_key == key else Match.PREFIX if name_key.startswith(key) else Match.WORDS
    return Hit(match, name_key, document["name"], item_id)
