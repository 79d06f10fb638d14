"""Changes of stored items: of their fields, and of the lists that they are in.

The items are in use meanwhile. The lists of an item are changed only if its positions are still those that were read,
so several processes may change the same items.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from services.catalog.store.documents import Document
from services.catalog.store.positions import ListPosition, positions_of, to_places
from services.catalog.store.shard import DUPLICATE_KEY, Shard


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

    def update_of_fields(self) -> UpdateOne:
        """Leaves the lists as they are."""
        return UpdateOne({"_id": self.stored["_id"]}, self._update({}))

    def update(self, added: Iterable[ListPosition]) -> UpdateOne:
        """Takes effect only if the item's positions have not changed."""
        kept = [position for position in positions_of(self.stored) if position[0] in self.lists]
        update = self._update({"places": to_places([*kept, *added])})
        return UpdateOne({"_id": self.stored["_id"], "places": self.stored["places"]}, update)

    def has_effect(self, document: Document | None) -> bool:
        """Whether the item, which is now stored as this document, has the lists and fields of the change."""
        if document is None or _list_names(document) != set(self.lists):
            return False
        is_set = all(document.get(name) == value for name, value in self.set.items())
        return is_set and not document.keys() & set(self.unset)

    def _update(self, positions: Document) -> Document:
        update: Document = {"$set": self.set | positions}
        return update | {"$unset": dict.fromkeys(self.unset, 1)} if self.unset else update


def _list_names(document: Document) -> set[str]:
    return {name for name, _ in positions_of(document)}


async def apply_changes(shard: Shard, changes: Sequence[Change], *, batch: bool = False) -> list[Change]:
    """Returns the changes without effect: their items were changed or deleted by others in the meantime."""
    async with shard.writing():
        counts = Counter(name for change in changes for name in change.added)
        reserved = await shard.positions.reserve(counts, batch=batch)
        unused = {name: iter(positions) for name, positions in reserved.items()}
        added = [[(name, next(unused[name])) for name in change.added] for change in changes]
        updates = [change.update(positions) for change, positions in zip(changes, added, strict=True)]
        complete = await _write(shard, updates) == len(updates)
        await shard.positions.confirm(reserved, batch=batch)
        holes = [position for change in changes for position in change.removed]
        if not complete:
            for name, positions in reserved.items():
                holes += [(name, hole) for hole in await shard.positions.holes(name, positions)]
        await shard.positions.fill(reversed(holes))  # positions that still have an item are left as they are
        return [] if complete else await _without_effect(shard, changes)


async def _write(shard: Shard, updates: list[UpdateOne]) -> int:
    """Returns the number of items that were changed."""
    try:
        return (await shard.items.bulk_write(updates, ordered=False)).matched_count
    except BulkWriteError as error:  # another item was moved to a reserved position
        if any(failure["code"] != DUPLICATE_KEY for failure in error.details["writeErrors"]):
            raise
        return int(error.details["nMatched"])


async def _without_effect(shard: Shard, changes: Sequence[Change]) -> list[Change]:
    ids = [change.stored["_id"] for change in changes]
    stored = {document["_id"]: document async for document in shard.items.find({"_id": {"$in": ids}})}
    return [change for change in changes if not change.has_effect(stored.get(change.stored["_id"]))]
