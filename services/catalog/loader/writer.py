"""Writes batches of items: inserts new ones, updates changed ones, skips unchanged ones."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne

from services.catalog.item import Item
from services.catalog.loader.errors import LoadError
from services.catalog.loader.report import Report
from services.catalog.store import documents
from services.catalog.store.documents import Document
from services.catalog.store.positions import ALL_ITEMS, ListPosition, positions_of, to_places
from services.catalog.store.shard import Shard, gather_all
from services.catalog.store.store import Store
from services.common import deadline

# How often to try to write an item that concurrent creates and deletes change.
_MAX_ATTEMPTS = 5
# Per batch: far more than 100,000 items take on a slow disk.
_BATCH_TIMEOUT_S = 600


@dataclass
class _Change:
    """A stored document, and the fields that it should have."""

    old: Document
    new: Document

    @property
    def added_lists(self) -> list[str]:
        return [name for name in self.new["category"] if name not in self.old["category"]]

    @property
    def removed_lists(self) -> list[str]:
        return [name for name in self.old["category"] if name not in self.new["category"]]

    @property
    def changes_lists(self) -> bool:
        return bool(self.added_lists or self.removed_lists)

    def update(self) -> Document:
        removed_fields = documents.without_positions(self.old).keys() - self.new.keys()
        update: Document = {"$set": self.new}
        return update | {"$unset": dict.fromkeys(removed_fields, 1)} if removed_fields else update


class Writer:
    def __init__(self, store: Store, report: Report) -> None:
        self._shards = store.shards
        self._report = report

    async def write(self, items: Sequence[Item]) -> None:
        """Identifies items by source_id, which must be set and distinct. Counts the items in the report."""
        deadline.start(_BATCH_TIMEOUT_S)
        remaining = {str(item.source_id): documents.from_item(item) for item in items}
        for _ in range(_MAX_ATTEMPTS):
            remaining = await self._write(remaining)
            if not remaining:
                return
        raise LoadError("other requests keep changing the same items")

    async def _write(self, fields_by_id: dict[str, Document]) -> dict[str, Document]:
        """Returns the fields of the items that must be tried again, by source id."""
        stored = await gather_all(*(shard.get_by_source_id(fields_by_id) for shard in self._shards))
        new = dict(fields_by_id)
        changes: list[list[_Change]] = []
        for shard_documents in stored:
            shard_changes = []
            for source_id, old in shard_documents.items():
                fields = new.pop(source_id, None)
                if fields is None:
                    continue  # the item is on two shards: only the first is kept up to date
                if documents.without_positions(old) == fields:
                    self._report.unchanged += 1
                else:
                    shard_changes.append(_Change(old, fields))
            changes.append(shard_changes)
        lengths = await gather_all(*(shard.length(ALL_ITEMS) for shard in self._shards))
        shares = _distribute(new.values(), lengths)
        to_retry = await gather_all(*map(self._write_shard, self._shards, shares, changes))
        return {fields["sourceId"]: fields for shard_fields in to_retry for fields in shard_fields}

    async def _write_shard(self, shard: Shard, new: Sequence[Document], changes: Sequence[_Change]) -> list[Document]:
        """Returns the documents that must be tried again, without their positions."""
        async with shard.within_deadline():
            refused = await shard.insert(new, batch=True) if new else []
            self._report.added += len(new) - len(refused)
            conflicting = await _change(shard, changes) if changes else []
            self._report.updated += len(changes) - len(conflicting)
        return [documents.without_positions(document) for document in [*refused, *conflicting]]


def _distribute(new: Iterable[Document], lengths: Sequence[int]) -> list[list[Document]]:
    """Assigns each new item to the shard with the fewest items."""
    lengths = list(lengths)
    shares: list[list[Document]] = [[] for _ in lengths]
    for fields in new:
        shard = lengths.index(min(lengths))
        lengths[shard] += 1
        shares[shard].append(fields)
    return shares


async def _change(shard: Shard, changes: Sequence[_Change]) -> list[Document]:
    """Updates items, which keep their ids and therefore their marks. Returns those that changed in the meantime."""
    in_same_lists = [change for change in changes if not change.changes_lists]
    in_other_lists = [change for change in changes if change.changes_lists]
    if in_same_lists:
        updates: list[Any] = [UpdateOne({"_id": change.old["_id"]}, change.update()) for change in in_same_lists]
        await shard.items.bulk_write(updates, ordered=False)
    return await _change_lists(shard, in_other_lists) if in_other_lists else []


async def _change_lists(shard: Shard, changes: Sequence[_Change]) -> list[Document]:
    """Like `_change`, for items whose categories change."""
    counts = Counter(name for change in changes for name in change.added_lists)
    reserved = await shard.positions.reserve(counts, batch=True)
    unused = {name: iter(positions) for name, positions in reserved.items()}
    holes: list[ListPosition] = []
    conflicting: list[Document] = []
    for change in changes:
        added = [(name, next(unused[name])) for name in change.added_lists]
        removed = [position for position in positions_of(change.old) if position[0] in change.removed_lists]
        kept = [position for position in positions_of(change.old) if position not in removed]
        update = change.update()
        update["$set"] = change.new | {"places": to_places([*kept, *added])}
        # Only if its positions are still those that were read.
        result = await shard.items.update_one({"_id": change.old["_id"], "places": change.old["places"]}, update)
        if result.matched_count:
            holes += removed
        else:
            holes += added
            conflicting.append(change.new)
    await shard.positions.confirm(reserved, batch=True)
    await shard.positions.fill(holes)
    return conflicting
