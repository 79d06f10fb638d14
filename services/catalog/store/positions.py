"""The position index: the length, any page and a random item of a list, each in constant time.

A shard has one list of all its items, one list per category and one per theme. An item has one position in each of
its lists, and the positions of a list are 0 to length - 1. Items store their positions; a unique index maps (list,
position) to the item; a counter document per list stores the length (documents.py describes both). So a page is a range
of the index, and a random item is a random number below the length.

    list of length 5         B is deleted and leaves    E, the last item, fills the hole,
                             a hole at position 1       then the length is lowered to 4
    0   1   2   3   4        0   1   2   3   4          0   1   2   3
    A   B   C   D   E        A   ·   C   D   E          A   E   C   D

Adding an item reserves positions by raising the lengths, inserts the item, then confirms the reservation. Deleting an
item removes its document, then fills the holes. No transaction is needed: each step is one atomic change of one
document, the index refuses a second item at a position, and a length is lowered only if the last position is empty.
A crash or a conflict between two steps leaves at most a hole: a position below the length without an item. Readers
skip holes and start filling them. A position that is reserved but still empty looks like a hole; if another request
lowers the length below it, confirming the reservation raises the length again.
"""

import asyncio
import datetime
import enum
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import ReturnDocument, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from seen.v1.types_pb2 import ItemType
from services.catalog.store.documents import Document
from services.common.themes import themes

# The name of the list of all items. The list of a category has the category's name, which is never empty.
ALL_ITEMS = ""
# Begins the name of a theme's list. Categories are stored without white space at their ends, so none begins with it.
_THEME = "\t"
INDEX_KEYS = [("places.c", 1), ("places.n", 1)]
# A batch that has not ended after this time is treated as crashed.
_BATCH_MAX_S = 300

# The name of a list, and a position in it.
ListPosition = tuple[str, int]


def theme_list(theme: str) -> str:
    """The name of the theme's list."""
    return _THEME + theme


def theme_of(list_name: str) -> str | None:
    """The theme that the list belongs to; None for a category and for all items."""
    return list_name.removeprefix(_THEME) if list_name.startswith(_THEME) else None


def lists_of(item_type: ItemType, category: Sequence[str]) -> list[str]:
    """The names of the lists of an item with these categories."""
    return [ALL_ITEMS, *category, *map(theme_list, themes(item_type, category))]


def positions_of(document: Mapping[str, Any]) -> list[ListPosition]:
    return [(place["c"], place["n"]) for place in document["places"]]


def to_places(positions: Iterable[ListPosition]) -> list[Document]:
    """The positions as they are stored."""
    return [{"c": list_name, "n": position} for list_name, position in positions]


def in_list(list_name: str) -> Document:
    """A query for the items of the list."""
    return {"places": {"$elemMatch": {"c": list_name}}}


def query(positions_by_list: Mapping[str, Sequence[int]]) -> Document:
    """A query for the items at these positions. MongoDB reads exactly their index entries."""
    branches = [
        {"places": {"$elemMatch": {"c": list_name, "n": _position_query(positions)}}}
        for list_name, positions in positions_by_list.items()
    ]
    return branches[0] if len(branches) == 1 else {"$or": branches}


def _position_query(positions: Sequence[int]) -> Document:
    if isinstance(positions, range):
        return {"$gte": positions.start, "$lt": positions.stop}
    return {"$in": list(positions)}


class _Move(enum.Enum):
    """The result of moving the last item of a list into a hole."""

    MOVED = enum.auto()
    HOLE_IS_FILLED = enum.auto()
    NO_LAST_ITEM = enum.auto()


class PositionIndex:
    """The lists of one shard. All its items have the same type.

    A batch reserves many positions at once, which stay empty until its items are inserted. Meanwhile holes are not
    filled, because the last position may be one of them: they are recorded, and filled when the batch is confirmed.
    """

    def __init__(
        self, item_type: ItemType, items: AsyncCollection[Document], counters: AsyncCollection[Document]
    ) -> None:
        self._type = item_type
        # These writes do not wait for the journal: the item's insert does, and the journal then contains them too.
        self._items = items.with_options(write_concern=WriteConcern(1))
        self._counters = counters.with_options(write_concern=WriteConcern(1))
        # Concurrent fills are safe but contend, so serialise ours.
        self._fill_lock = asyncio.Lock()

    async def lengths(self, list_names: Sequence[str]) -> dict[str, int]:
        counters = await self._counters.find({"_id": {"$in": list(list_names)}}, {"next": 1}).to_list()
        lengths = {counter["_id"]: counter["next"] for counter in counters}
        return {list_name: lengths.get(list_name, 0) for list_name in list_names}

    async def all_lengths(self) -> dict[str, int]:
        """The lengths of all lists that have items."""
        counters = await self._counters.find({"next": {"$gt": 0}}, {"next": 1}).to_list()
        return {counter["_id"]: counter["next"] for counter in counters}

    def lists_of(self, document: Mapping[str, Any]) -> list[str]:
        return lists_of(self._type, document["category"])

    async def reserve(self, counts: Mapping[str, int], *, batch: bool = False) -> dict[str, range]:
        """Reserves this many positions at the end of each list. `repair` cleans up after unconfirmed batches."""

        async def reserve_in(list_name: str, count: int) -> range:
            update: Any = _batch_reservation(count) if batch else {"$inc": {"next": count}}
            counter = await self._counters.find_one_and_update(
                {"_id": list_name}, update, upsert=True, return_document=ReturnDocument.AFTER
            )
            length = counter["next"] if counter else count
            return range(length - count, length)

        reserved = await asyncio.gather(*(reserve_in(list_name, count) for list_name, count in counts.items()))
        return dict(zip(counts, reserved, strict=True))

    async def reserve_for(self, documents: Sequence[Document], *, batch: bool = False) -> dict[str, range]:
        """Reserves the positions of new items and writes them into the documents."""
        lists = [self.lists_of(document) for document in documents]
        reserved = await self.reserve(Counter(name for names in lists for name in names), batch=batch)
        unused = {list_name: iter(positions) for list_name, positions in reserved.items()}
        for document, names in zip(documents, lists, strict=True):
            document["places"] = to_places((name, next(unused[name])) for name in names)
        return reserved

    async def confirm(self, reserved: Mapping[str, range], *, batch: bool = False) -> None:
        """Must be called after the insert. Raises lengths that were lowered below the new items in the meantime.

        Ends a batch, and fills the holes that were recorded during it.
        """
        if batch and reserved:
            updates = [
                UpdateOne({"_id": list_name}, {"$max": {"next": positions.stop}, "$unset": {"filling": 1}})
                for list_name, positions in reserved.items()
            ]
            await self._counters.bulk_write(updates, ordered=False)
            return await self._fill_recorded_holes()
        lengths = await self.lengths(list(reserved))
        lowered = {name: positions for name, positions in reserved.items() if lengths[name] < positions.stop}
        for list_name, positions in lowered.items():
            before = await self._counters.find_one_and_update({"_id": list_name}, {"$max": {"next": positions.stop}})
            # Positions beyond the lowered length may be holes, even our own if another fill has moved the new item.
            beyond = range(before["next"] if before else 0, positions.stop)
            await self.fill((list_name, position) for position in beyond)

    async def _fill_recorded_holes(self) -> None:
        for counter in await self._counters.find({"gaps": {"$exists": True}, "filling": {"$exists": False}}).to_list():
            await self.fill((counter["_id"], hole) for hole in counter["gaps"])
            await self._counters.update_one({"_id": counter["_id"]}, {"$pullAll": {"gaps": counter["gaps"]}})
            await self._counters.update_one({"_id": counter["_id"], "gaps": []}, {"$unset": {"gaps": 1}})

    async def fill(self, holes: Iterable[ListPosition]) -> None:
        """Moves the last item of the list into each hole and lowers the length. Ignores positions that have an item."""
        for list_name, hole in holes:
            async with self._fill_lock:
                await self._fill(list_name, hole)

    async def _fill(self, list_name: str, hole: int) -> None:
        while True:
            counter = await self._counters.find_one({"_id": list_name})
            if counter is None or hole >= counter["next"]:
                return
            if _has_active_batch(counter):
                during_batch = {"_id": list_name, "filling": {"$exists": True}}
                if (await self._counters.update_one(during_batch, {"$addToSet": {"gaps": hole}})).matched_count:
                    return
                continue  # the batch has just ended
            last = counter["next"] - 1
            move = await self._move(list_name, last, hole)
            if move is _Move.HOLE_IS_FILLED:
                return
            shortened = await self._counters.update_one({"_id": list_name, "next": last + 1}, {"$set": {"next": last}})
            if shortened.modified_count and (move is _Move.MOVED or hole == last):
                return
            # Otherwise the last position was a hole too, and is now removed, or the list has grown in the meantime.
            if move is _Move.MOVED:
                hole = last  # emptied by us, and no longer at the end of the list

    async def fill_unless_reserved(self, list_name: str, hole: int) -> None:
        """Fills a hole that a reader has encountered, unless an active batch has reserved the position."""
        counter = await self._counters.find_one({"_id": list_name})
        if counter and not (_has_active_batch(counter) and hole >= counter["filling"]["start"]):
            await self.fill([(list_name, hole)])

    async def _move(self, list_name: str, last: int, hole: int) -> _Move:
        if last == hole:
            item = await self._items.find_one(query({list_name: [hole]}), {"_id": 1})
            return _Move.HOLE_IS_FILLED if item else _Move.NO_LAST_ITEM
        try:
            result = await self._items.update_one(query({list_name: [last]}), {"$set": {"places.$.n": hole}})
        except DuplicateKeyError:
            return _Move.HOLE_IS_FILLED
        return _Move.MOVED if result.modified_count else _Move.NO_LAST_ITEM

    async def repair(self) -> None:
        """Fills the holes that a crashed batch has left. Only safe while no batch is running."""
        for counter in await self._counters.find({"filling": {"$exists": True}}).to_list():
            list_name, length = counter["_id"], counter["next"]
            holes = await self.holes(list_name, range(counter["filling"]["start"], length))
            await self._counters.update_one({"_id": list_name}, {"$unset": {"filling": 1}})
            # Most holes are at the end of the list; one change removes them all.
            inner_holes, new_length = _without_last_holes(holes, length)
            shortened = await self._counters.update_one(
                {"_id": list_name, "next": length}, {"$set": {"next": new_length}}
            )
            remaining = inner_holes if shortened.matched_count else holes
            await self.fill((list_name, hole) for hole in reversed(remaining))
        await self._fill_recorded_holes()

    async def holes(self, list_name: str, positions: range) -> list[int]:
        """The positions in this range of a list that have no item, in order."""
        occupied: set[int] = set()
        async for document in self._items.find(query({list_name: positions}), {"places": 1}):
            occupied.update(position for name, position in positions_of(document) if name == list_name)
        return [position for position in positions if position not in occupied]


def _without_last_holes(holes: Sequence[int], length: int) -> tuple[list[int], int]:
    """The holes that are not at the end of the list, and the list's length without the holes at its end."""
    inner = list(holes)
    while inner and inner[-1] == length - 1:
        length = inner.pop()
    return inner, length


def _batch_reservation(count: int) -> list[Document]:
    length = {"$ifNull": ["$next", 0]}
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=_BATCH_MAX_S)
    return [{"$set": {"filling": {"start": length, "until": until}, "next": {"$add": [length, count]}}}]


def _has_active_batch(counter: Mapping[str, Any]) -> bool:
    until = counter.get("filling", {}).get("until")
    return until is not None and until.replace(tzinfo=datetime.UTC) > datetime.datetime.now(datetime.UTC)
