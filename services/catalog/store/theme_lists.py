"""Brings all items of a shard into the lists of their categories and themes, after themes.toml has changed.

The items are in use meanwhile, and several processes may do the same at once (changes.py).
"""

import asyncio
import datetime
import logging
import time
from collections.abc import Iterable, Sequence

from bson import ObjectId

from services.catalog.store.changes import Change, apply_changes
from services.catalog.store.documents import Document
from services.catalog.store.shard import Shard
from services.common import deadline, themes
from services.common.errors import Aborted

log = logging.getLogger(__name__)

# Items that are read and changed at once: a guess, not a measurement. Positions stay reserved but empty while a chunk
# is written.
CHUNK = 1000
_CHUNK_TIMEOUT_S = 60
_MAX_ATTEMPTS = 5
# During a rolling update, services of the previous release may add items for this long, by their own rules.
ROLLING_UPDATE_S = 60.0
_VERSION_ID = "lists"
_CATEGORY_AND_POSITIONS = {"category": 1, "places": 1}
FIRST_ID = ObjectId("0" * 24)


async def update_all(shard: Shard) -> None:
    """Costs one read if all items have been updated by this themes.toml.

    Otherwise reads all items, with a pause after each chunk that is as long as its update.
    """
    version = themes.version()
    if await _version(shard) == version:
        return
    started = datetime.datetime.now(datetime.UTC)
    updated = await _update_from(shard, FIRST_ID)
    await asyncio.sleep(ROLLING_UPDATE_S)
    added_since = started - datetime.timedelta(seconds=ROLLING_UPDATE_S)
    updated += await _update_from(shard, ObjectId.from_datetime(added_since))
    deadline.start(_CHUNK_TIMEOUT_S)
    async with shard.within_deadline():
        await shard.versions.update_one({"_id": _VERSION_ID}, {"$set": {"version": version}}, upsert=True)
    log.info("%s: put %d items into the lists of their themes", shard.label, updated)


async def _version(shard: Shard) -> str | None:
    deadline.start(_CHUNK_TIMEOUT_S)
    async with shard.within_deadline():
        document = await shard.versions.find_one({"_id": _VERSION_ID})
    return document["version"] if document else None


async def _update_from(shard: Shard, first: ObjectId) -> int:
    """Updates the items from this id on. Returns how many were in wrong lists."""
    updated = 0
    query: Document = {"_id": {"$gte": first}}
    while True:
        started = time.monotonic()
        deadline.start(_CHUNK_TIMEOUT_S)
        async with shard.within_deadline():
            stored = await shard.items.find(query, _CATEGORY_AND_POSITIONS, sort=[("_id", 1)], limit=CHUNK).to_list()
        if not stored:
            return updated
        updated += await _update_chunk(shard, stored)
        query = {"_id": {"$gt": stored[-1]["_id"]}}
        await asyncio.sleep(time.monotonic() - started)  # leaves half of the time to requests


async def _update_chunk(shard: Shard, stored: Sequence[Document]) -> int:
    remaining = _needed_changes(shard, stored)
    updated = len(remaining)
    for _ in range(_MAX_ATTEMPTS):
        if not remaining:
            return updated
        ids = [change.stored["_id"] for change in await apply_changes(shard, remaining)]
        async with shard.within_deadline():
            stored = await shard.items.find({"_id": {"$in": ids}}, _CATEGORY_AND_POSITIONS).to_list() if ids else []
        remaining = _needed_changes(shard, stored)
    raise Aborted("other requests keep changing the same items")


def _needed_changes(shard: Shard, stored: Iterable[Document]) -> list[Change]:
    all_changes = (Change(document, shard.positions.lists_of(document)) for document in stored)
    return [change for change in all_changes if change.changes_lists]
