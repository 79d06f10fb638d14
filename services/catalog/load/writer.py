"""Brings batches of items into a dataset: adds the new, updates the changed, leaves the others alone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne

from services.catalog import documents, places
from services.catalog.documents import Document
from services.catalog.item import Item
from services.catalog.load.faults import LoadFault
from services.catalog.places import WHOLE, Place
from services.catalog.shard import Shard
from services.catalog.store import Store
from services.catalog.together import together
from services.common import deadline

# An item that changes under our hands, by a create or a delete, is looked at again; not for ever.
_TRIES = 5
# Far more than a batch of 100,000 takes on a slow disk.
_BATCH_WITHIN_S = 600


@dataclass
class Written:
    added: int = 0
    updated: int = 0
    unchanged: int = 0


@dataclass
class _Change:
    """An item that is there, and the fields that it shall have."""

    old: Document
    new: Document

    def lists(self) -> tuple[list[str], list[str]]:
        """Those it joins, and those it leaves."""
        old, new = self.old["category"], self.new["category"]
        return [name for name in new if name not in old], [name for name in old if name not in new]

    def update(self) -> Document:
        gone = documents.stored_fields(self.old).keys() - self.new.keys()
        update: Document = {"$set": self.new}
        return update | {"$unset": dict.fromkeys(gone, 1)} if gone else update


class Writer:
    def __init__(self, store: Store) -> None:
        self._shards = store.shards

    async def mend(self) -> None:
        """Closes the holes that a load which died has left."""
        deadline.start(_BATCH_WITHIN_S)
        await together(*(_mend(shard) for shard in self._shards))

    async def write(self, items: Sequence[Item]) -> Written:
        """Items are known by their source_id, which each must have, and no two may share."""
        deadline.start(_BATCH_WITHIN_S)
        written = Written()
        left = {str(item.source_id): documents.fields(item) for item in items}
        for _ in range(_TRIES):
            left = await self._write(left, written)
            if not left:
                return written
        raise LoadFault("items keep changing while they are loaded; the same command goes on from here")

    async def _write(self, wanted: dict[str, Document], written: Written) -> dict[str, Document]:
        """Returns what has to be looked at again."""
        stored = await together(*(shard.with_source_ids(wanted) for shard in self._shards))
        new = dict(wanted)
        changes: list[list[_Change]] = []
        for of_shard in stored:
            changed = []
            for source_id, old in of_shard.items():
                fields = new.pop(source_id, None)
                if fields is None:
                    continue  # it is on two shards; the first is the one that counts
                if documents.stored_fields(old) == fields:
                    written.unchanged += 1
                else:
                    changed.append(_Change(old, fields))
            changes.append(changed)
        lengths = await together(*(shard.length(WHOLE) for shard in self._shards))
        shares = _share_out(new.values(), lengths)
        again = await together(
            *(_write_shard(*shard, written) for shard in zip(self._shards, shares, changes, strict=True))
        )
        return {fields["sourceId"]: fields for of_shard in again for fields in of_shard}


def _share_out(new: Iterable[Document], lengths: Sequence[int]) -> list[list[Document]]:
    """Each new item to the shard with the fewest."""
    lengths = list(lengths)
    shares: list[list[Document]] = [[] for _ in lengths]
    for fields in new:
        fewest = lengths.index(min(lengths))
        lengths[fewest] += 1
        shares[fewest].append(fields)
    return shares


async def _mend(shard: Shard) -> None:
    async with shard.asked():
        await shard.places.mend()


async def _write_shard(
    shard: Shard, new: Sequence[Document], changes: Sequence[_Change], written: Written
) -> list[Document]:
    """Returns the fields of those that have to be looked at again."""
    async with shard.asked():
        refused = await shard.insert(new, batch=True) if new else []
        written.added += len(new) - len(refused)
        again = await _change(shard, changes) if changes else []
        written.updated += len(changes) - len(again)
    return [documents.stored_fields(document) for document in [*refused, *again]]


async def _change(shard: Shard, changes: Sequence[_Change]) -> list[Document]:
    """Items keep their _id and with it their marks. Returns the fields of those that changed meanwhile."""
    staying = [change for change in changes if not any(change.lists())]
    if staying:
        updates: list[Any] = [UpdateOne({"_id": change.old["_id"]}, change.update()) for change in staying]
        await shard.items.bulk_write(updates, ordered=False)
    moving = [change for change in changes if any(change.lists())]
    return await _move(shard, moving) if moving else []


async def _move(shard: Shard, changes: Sequence[_Change]) -> list[Document]:
    """Changes that put items into other lists."""
    taken = await shard.places.take(Counter(name for change in changes for name in change.lists()[0]), batch=True)
    free = {name: iter(numbers) for name, numbers in taken.items()}
    holes: list[Place] = []
    again: list[Document] = []
    for change in changes:
        joins, leaves = change.lists()
        joined = [(name, next(free[name])) for name in joins]
        left = [place for place in places.places_of(change.old) if place[0] in leaves]
        kept = [place for place in places.places_of(change.old) if place not in left]
        update = change.update()
        update["$set"] = change.new | {"places": [{"c": name, "n": number} for name, number in [*kept, *joined]]}
        # Only if nobody has moved it in the meantime.
        result = await shard.items.update_one({"_id": change.old["_id"], "places": change.old["places"]}, update)
        if result.matched_count:
            holes += left
        else:
            holes += joined
            again.append(change.new)
    await shard.places.settle_batch(taken)
    for name, place in holes:
        await shard.places.close(name, place)
    return again
