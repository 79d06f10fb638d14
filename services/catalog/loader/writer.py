"""Writes batches of items: inserts new ones, updates changed ones, skips unchanged ones."""

from collections.abc import Iterable, Sequence

from services.catalog.item import Item
from services.catalog.loader.errors import LoadError
from services.catalog.loader.report import Report
from services.catalog.store import documents
from services.catalog.store.changes import Change, apply_changes
from services.catalog.store.documents import Document
from services.catalog.store.positions import ALL_ITEMS
from services.catalog.store.shard import Shard, gather_all
from services.catalog.store.store import Store
from services.common import deadline

# How often to try to write an item that concurrent creates and deletes change.
_MAX_ATTEMPTS = 5
# Per batch: far more than 100,000 items take on a slow disk.
_BATCH_TIMEOUT_S = 600


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
        stored = await gather_all(*(shard.documents_by_source_id(fields_by_id) for shard in self._shards))
        new = dict(fields_by_id)
        changes: list[list[Change]] = []
        for shard, shard_documents in zip(self._shards, stored, strict=True):
            shard_changes = []
            for source_id, old in shard_documents.items():
                fields = new.pop(source_id, None)
                if fields is None:
                    continue  # the item is on two shards: only the first is kept up to date
                change = _change(shard, old, fields)
                if change.changes_lists or documents.without_positions(old) != fields:
                    shard_changes.append(change)
                else:
                    self._report.unchanged += 1
            changes.append(shard_changes)
        lengths = await gather_all(*(shard.length(ALL_ITEMS) for shard in self._shards))
        shares = _distribute(new.values(), lengths)
        to_retry = await gather_all(*map(self._write_shard, self._shards, shares, changes))
        return {fields["sourceId"]: fields for shard_fields in to_retry for fields in shard_fields}

    async def _write_shard(self, shard: Shard, new: Sequence[Document], changes: Sequence[Change]) -> list[Document]:
        """Returns the documents that must be tried again, without their positions."""
        async with shard.within_deadline():
            refused = await shard.insert(new, batch=True) if new else []
            self._report.added += len(new) - len(refused)
            conflicting = await _update(shard, changes)
            self._report.updated += len(changes) - len(conflicting)
        return [documents.without_positions(document) for document in refused] + conflicting


def _distribute(new: Iterable[Document], lengths: Sequence[int]) -> list[list[Document]]:
    """Assigns each new item to the shard with the fewest items."""
    lengths = list(lengths)
    shares: list[list[Document]] = [[] for _ in lengths]
    for fields in new:
        shard = lengths.index(min(lengths))
        lengths[shard] += 1
        shares[shard].append(fields)
    return shares


def _change(shard: Shard, old: Document, fields: Document) -> Change:
    removed = documents.without_positions(old).keys() - fields.keys()
    return Change(old, shard.positions.lists_of(fields), set=fields, unset=removed)


async def _update(shard: Shard, changes: Sequence[Change]) -> list[Document]:
    """Updates items, which keep their ids and therefore their marks. Returns the documents that must be tried again."""
    in_same_lists = [change for change in changes if not change.changes_lists]
    in_other_lists = [change for change in changes if change.changes_lists]
    if in_same_lists:
        await shard.items.bulk_write([change.update_of_fields() for change in in_same_lists], ordered=False)
    failed = await apply_changes(shard, in_other_lists, batch=True) if in_other_lists else []
    return [change.set for change in failed]
