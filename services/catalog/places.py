"""Places: every item stands in lists, and has a number in each of them.

The lists of a shard are the whole of it and one for each category. A list's places run from 0 without holes, and a
unique index leads from (list, place) to the item. So the length of a list is known without counting, any stretch of it
is read at the cost of the stretch, and a random item is a random number below the length.

Adding takes places at the end: the counter goes up first, then the item comes in. Deleting leaves a gap into which the
last item moves, then the counter goes down. Each step is one atomic change of one document, so nothing needs a
transaction, and whatever crashes or collides leaves no more than a hole: a place below the length where nobody stands.
Readers leave holes out, and whoever meets one closes it.
"""

import asyncio
import datetime
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import ReturnDocument, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from services.catalog.documents import Document

# The list of everything; no category has this name.
WHOLE = ""
INDEX = [("places.c", 1), ("places.n", 1)]
# For so long after a batch took its places nobody closes holes behind them: the items are on their way.
_FILLING_S = 300

Place = tuple[str, int]


def lists_of(category: Iterable[str]) -> list[str]:
    return [WHOLE, *category]


def places_of(document: Mapping[str, Any]) -> list[Place]:
    return [(place["c"], place["n"]) for place in document["places"]]


def standing_at(wanted: Mapping[str, Sequence[int]]) -> Document:
    """The query for the items at these places of these lists: of the index it reads those entries and no others."""
    branches = [{"places": {"$elemMatch": {"c": name, "n": _among(numbers)}}} for name, numbers in wanted.items()]
    return branches[0] if len(branches) == 1 else {"$or": branches}


def _among(numbers: Sequence[int]) -> Document:
    if isinstance(numbers, range):
        return {"$gte": numbers.start, "$lt": numbers.stop}
    return {"$in": list(numbers)}


class Places:
    """The lists of one shard. A counter is {_id: list, next: length, filling?: {start, until}, gaps?: [place]}.

    While a batch fills the places from `start` on, gaps are noted, and closed when the batch is in.
    """

    def __init__(self, items: AsyncCollection[Document], counters: AsyncCollection[Document]) -> None:
        # Acknowledged at once: it is the write of the item itself that waits until it, and all before it, is durable.
        self._items = items.with_options(write_concern=WriteConcern(1))
        self._counters = counters.with_options(write_concern=WriteConcern(1))
        # Two that close at once are right but in each other's way, as other processes are now and then.
        self._closing = asyncio.Lock()

    async def lengths(self, names: Sequence[str]) -> dict[str, int]:
        found = await self._counters.find({"_id": {"$in": list(names)}}, {"next": 1}).to_list()
        lengths = {counter["_id"]: counter["next"] for counter in found}
        return {name: lengths.get(name, 0) for name in names}

    async def take(self, wanted: Mapping[str, int], *, batch: bool = False) -> dict[str, range]:
        """Takes this many places at the end of each list. A `batch` leaves a note for `mend` until it is settled."""
        update: Any = _take_for_batch if batch else _take

        async def take_one(name: str, number: int) -> range:
            counter = await self._counters.find_one_and_update(
                {"_id": name}, update(number), upsert=True, return_document=ReturnDocument.AFTER
            )
            end = counter["next"] if counter else number
            return range(end - number, end)

        taken = await asyncio.gather(*(take_one(name, number) for name, number in wanted.items()))
        return dict(zip(wanted, taken, strict=True))

    async def give(self, documents: Sequence[Document], *, batch: bool = False) -> dict[str, range]:
        """Puts places into new documents, those it takes."""
        lists = [lists_of(document["category"]) for document in documents]
        taken = await self.take(Counter(name for names in lists for name in names), batch=batch)
        free = {name: iter(places) for name, places in taken.items()}
        for document, names in zip(documents, lists, strict=True):
            document["places"] = [{"c": name, "n": next(free[name])} for name in names]
        return taken

    async def settle(self, taken: Mapping[str, range]) -> None:
        """To be called when the items are in: no counter may end up below them, whatever was closed in the meantime."""
        for name, places in taken.items():
            before = await self._counters.find_one_and_update({"_id": name}, {"$max": {"next": places.stop}})
            # Where it went down and up again, a place may be a hole: even one of these, whose item has moved already.
            for place in range(before["next"] if before else 0, places.stop):
                await self.close(name, place)

    async def settle_batch(self, taken: Mapping[str, range]) -> None:
        if not taken:
            return
        await self._counters.bulk_write(
            [
                UpdateOne({"_id": name}, {"$max": {"next": places.stop}, "$unset": {"filling": 1}})
                for name, places in taken.items()
            ],
            ordered=False,
        )
        await self._close_noted()

    async def _close_noted(self) -> None:
        for counter in await self._counters.find({"gaps": {"$exists": True}, "filling": {"$exists": False}}).to_list():
            for gap in counter["gaps"]:
                await self.close(counter["_id"], gap)
            await self._counters.update_one({"_id": counter["_id"]}, {"$pullAll": {"gaps": counter["gaps"]}})
            await self._counters.update_one({"_id": counter["_id"], "gaps": []}, {"$unset": {"gaps": 1}})

    async def close(self, name: str, place: int) -> None:
        """Moves the last item of the list into the place, if nobody stands there, and takes the counter back."""
        async with self._closing:
            await self._close(name, place)

    async def _close(self, name: str, place: int) -> None:
        while True:
            counter = await self._counters.find_one({"_id": name})
            if counter is None or place >= counter["next"]:
                return
            if _is_filling(counter):
                if await self._note(name, place):
                    return
                continue
            last = counter["next"] - 1
            moved = await self._move(name, last, place) if place < last else await self._is_taken(name, place)
            if moved is None:
                return
            shortened = await self._counters.update_one({"_id": name, "next": last + 1}, {"$set": {"next": last}})
            if shortened.modified_count and (moved or place == last):
                return
            if moved:
                place = last  # empty now, but somebody has taken a place behind it

    async def close_if_left(self, name: str, place: int) -> None:
        """Closes a hole that a reader has met, unless it is one that a batch is about to fill."""
        counter = await self._counters.find_one({"_id": name})
        if counter and not (_is_filling(counter) and place >= counter["filling"]["start"]):
            await self.close(name, place)

    async def _note(self, name: str, gap: int) -> bool:
        """False where the batch has ended in the meantime."""
        filling = {"_id": name, "filling": {"$exists": True}}
        return (await self._counters.update_one(filling, {"$addToSet": {"gaps": gap}})).matched_count == 1

    async def _move(self, name: str, origin: int, target: int) -> bool | None:
        """None where somebody stands at the target, False where nobody stands at the origin."""
        try:
            result = await self._items.update_one(standing_at({name: [origin]}), {"$set": {"places.$.n": target}})
        except DuplicateKeyError:
            return None
        return result.modified_count == 1

    async def _is_taken(self, name: str, place: int) -> bool | None:
        """None where somebody stands there, False where nobody does, as _move has it."""
        return None if await self._items.find_one(standing_at({name: [place]}), {"_id": 1}) else False

    async def mend(self) -> None:
        """Closes what a batch that did not end has left. Only for who is sure that no batch is under way."""
        for counter in await self._counters.find({"filling": {"$exists": True}}).to_list():
            name, end = counter["_id"], counter["next"]
            holes = await self.holes(name, range(counter["filling"]["start"], end))
            await self._counters.update_one({"_id": name}, {"$unset": {"filling": 1}})
            # Mostly the places at the end were never filled: those are given back in one step.
            left = _without_tail(holes, end)
            given_back = end - len(holes) + len(left)
            shortened = await self._counters.update_one({"_id": name, "next": end}, {"$set": {"next": given_back}})
            for hole in reversed(left if shortened.matched_count else holes):
                await self.close(name, hole)
        await self._close_noted()

    async def holes(self, name: str, places: range) -> list[int]:
        """The places in this stretch of a list where nobody stands, in order."""
        standing: set[int] = set()
        async for document in self._items.find(standing_at({name: places}), {"places": 1}):
            standing.update(number for listed, number in places_of(document) if listed == name)
        return [number for number in places if number not in standing]


def _without_tail(holes: Sequence[int], end: int) -> list[int]:
    left = list(holes)
    while left and left[-1] == end - 1:
        end = left.pop()
    return left


def _take(number: int) -> Document:
    return {"$inc": {"next": number}}


def _take_for_batch(number: int) -> list[Document]:
    length = {"$ifNull": ["$next", 0]}
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=_FILLING_S)
    return [{"$set": {"filling": {"start": length, "until": until}, "next": {"$add": [length, number]}}}]


def _is_filling(counter: Mapping[str, Any]) -> bool:
    until = counter.get("filling", {}).get("until")
    return until is not None and until.replace(tzinfo=datetime.UTC) > datetime.datetime.now(datetime.UTC)
