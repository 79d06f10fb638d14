"""Changes the lists that items are in: when their categories change, or what themes.toml says about these.

The items are in use meanwhile. An item is changed only if its positions are still those that were read, so several
processes may do the same at once.
"""

import asyncio
import datetime
import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from services.catalog.store.documents import Document
from services.catalog.store.positions import ListPosition, positions_of, to_places
from services.catalog.store.shard import DUPLICATE_KEY, Shard
from services.common import deadline, themes
from services.common.errors import Aborted

log = logging.getLogger(__name__)

# Items that are read and changed at once: a guess, not a measurement. Positions stay reserved but empty while a chunk
# is written.
CHUNK = 1000
_CHUNK_TIMEOUT_S = 60
_MAX_ATTEMPTS = 5
# During a rolling update, services of the previous release may add items for this long, by their own rules.
SETTLE_S = 60.0
_VERSION_ID = "lists"
_LISTS = {"category": 1, "places": 1}
_FIRST_ID = ObjectId("0" * 24)


@dataclass
class Change:
    """A stored document, the lists that it should be in, and its other fields to set and to remove."""

    stored: Document
    lists: Sequence[str]
    set: Document = field(default_factory=dict)
    unset: Collection[str] = ()

    @property
    def added(self) -> list[str]:
        present = _list_names(self.stored)
        return [name for name in self.lists if name not in present]

    @property
    def removed(self) -> list[ListPosition]:
        return [position for position in positions_of(self.stored) if position[0] not in self.lists]

    @property
    def changes_lists(self) -> bool:
        return _list_names(self.stored) != set(self.lists)

    def update_fields(self) -> UpdateOne:
        """Leaves the lists as they are."""
        return UpdateOne({"_id": self.stored["_id"]}, self._update({}))

    def update(self, added: Iterable[ListPosition]) -> UpdateOne:
        """Takes effect only if the item's positions have not changed."""
        kept = [position for position in positions_of(self.stored) if position[0] in self.lists]
        update = self._update({"places": to_places([*kept, *added])})
        return UpdateOne({"_id": self.stored["_id"], "places": self.stored["places"]}, update)

    def _update(self, positions: Document) -> Document:
        update: Document = {"$set": self.set | positions}
        return update | {"$unset": dict.fromkeys(self.unset, 1)} if self.unset else update


def _list_names(document: Document) -> set[str]:
    return {name for name, _ in positions_of(document)}


async def change(shard: Shard, changes: Sequence[Change], *, batch: bool = False) -> list[Change]:
    """Returns those that did not take effect, because the items were changed or deleted in the meantime."""
    async with shard.writing():
        reserved = await shard.positions.reserve(Counter(name for one in changes for name in one.added), batch=batch)
        unused = {name: iter(positions) for name, positions in reserved.items()}
        added = [[(name, next(unused[name])) for name in one.added] for one in changes]
        updates = [one.update(positions) for one, positions in zip(changes, added, strict=True)]
        complete = await _write(shard, updates) == len(updates)
        await shard.positions.confirm(reserved, batch=batch)
        holes = [position for one in changes for position in one.removed]
        if not complete:
            for name, positions in reserved.items():
                holes += [(name, hole) for hole in await shard.positions.holes(name, positions)]
        await shard.positions.fill(reversed(holes))  # positions that still have an item are left as they are
        return [] if complete else await _without_effect(shard, changes)


async def _write(shard: Shard, updates: list[UpdateOne]) -> int:
    """The number of items that were changed."""
    try:
        return (await shard.items.bulk_write(updates, ordered=False)).matched_count
    except BulkWriteError as error:  # another item was moved to a reserved position
        if any(failure["code"] != DUPLICATE_KEY for failure in error.details["writeErrors"]):
            raise
        return int(error.details["nMatched"])


async def _without_effect(shard: Shard, changes: Sequence[Change]) -> list[Change]:
    ids = [one.stored["_id"] for one in changes]
    stored = {document["_id"]: document async for document in shard.items.find({"_id": {"$in": ids}})}
    return [one for one in changes if not _has_effect(one, stored.get(one.stored["_id"]))]


def _has_effect(one: Change, document: Document | None) -> bool:
    if document is None or _list_names(document) != set(one.lists):
        return False
    return all(document.get(name) == value for name, value in one.set.items()) and not document.keys() & set(one.unset)


async def update_all(shard: Shard) -> None:
    """Brings all items of the shard into the lists of their categories and themes.

    Costs one read if themes.toml has not changed since. Otherwise reads all items, using half of the time.
    """
    version = themes.version()
    if await _version(shard) == version:
        return
    started = datetime.datetime.now(datetime.UTC)
    changed = await _update(shard, _FIRST_ID)
    await asyncio.sleep(SETTLE_S)
    changed += await _update(shard, ObjectId.from_datetime(started - datetime.timedelta(seconds=SETTLE_S)))
    deadline.start(_CHUNK_TIMEOUT_S)
    async with shard.within_deadline():
        await shard.versions.update_one({"_id": _VERSION_ID}, {"$set": {"version": version}}, upsert=True)
    log.info("%s: put %d items into the lists of their themes", shard.label, changed)


async def _version(shard: Shard) -> str | None:
    deadline.start(_CHUNK_TIMEOUT_S)
    async with shard.within_deadline():
        document = await shard.versions.find_one({"_id": _VERSION_ID})
    return document["version"] if document else None


async def _update(shard: Shard, first: ObjectId) -> int:
    """Updates the items from this id on. Returns how many were in wrong lists."""
    changed = 0
    query: Document = {"_id": {"$gte": first}}
    while True:
        started = time.monotonic()
        deadline.start(_CHUNK_TIMEOUT_S)
        async with shard.within_deadline():
            stored = await shard.items.find(query, _LISTS, sort=[("_id", 1)], limit=CHUNK).to_list()
        if not stored:
            return changed
        changed += await _update_chunk(shard, stored)
        query = {"_id": {"$gt": stored[-1]["_id"]}}
        # Requests come first.
        await asyncio.sleep(time.monotonic() - started)


async def _update_chunk(shard: Shard, stored: Sequence[Document]) -> int:
    changes = _outdated(shard, stored)
    changed = len(changes)
    for _ in range(_MAX_ATTEMPTS):
        if not changes:
            return changed
        failed = await change(shard, changes)
        ids = [one.stored["_id"] for one in failed]
        async with shard.within_deadline():
            changes = _outdated(shard, await shard.items.find({"_id": {"$in": ids}}, _LISTS).to_list()) if ids else []
    raise Aborted("other requests keep changing the same items")


def _outdated(shard: Shard, stored: Iterable[Document]) -> list[Change]:
    changes = (Change(document, shard.positions.lists_of(document)) for document in stored)
    return [one for one in changes if one.changes_lists]
