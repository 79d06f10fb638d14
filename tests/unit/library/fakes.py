"""Datasets and accounts in memory, for the library's rules."""

import random
from collections.abc import Iterable, Sequence

from seen.v1.account_pb2 import CategoryPoints, LikedItem
from seen.v1.catalog_pb2 import PREFIX, WHOLE_NAME, WORDS, Sample, SearchHit
from seen.v1.types_pb2 import Item, ItemRef, ItemType
from services.common.errors import NotFound, Unavailable


class FakeDataset:
    def __init__(self, item_type: ItemType, items: Iterable[tuple[str, Sequence[str]]], seed: int = 1) -> None:
        self.type = item_type
        self.items = [
            Item(type=item_type, id=f"{number:024x}", name=name, category=category)
            for number, (name, category) in enumerate(items)
        ]
        self.down = False
        self._random = random.Random(seed)

    def _in(self, category: str) -> list[Item]:
        if self.down:
            raise Unavailable("down")
        return [item for item in self.items if not category or category in item.category]

    async def get(self, item_id: str) -> Item:
        for item in self._in(""):
            if item.id == item_id:
                return item
        raise NotFound("no such item")

    async def batch_get(self, item_ids: Sequence[str]) -> Sequence[Item]:
        found = {item.id: item for item in self._in("")}
        return [found[item_id] for item_id in item_ids if item_id in found]

    async def count(self, category: str) -> int:
        return len(self._in(category))

    async def list(self, category: str, start: int, limit: int) -> Sequence[Item]:
        return self._in(category)[start : start + limit]

    async def search(self, text: str, category: str) -> Sequence[SearchHit]:
        hits = []
        for item in self._in(category):
            match = WHOLE_NAME if item.name == text else PREFIX if item.name.startswith(text) else WORDS
            if text in item.name:
                hits.append(SearchHit(id=item.id, name=item.name, match=match))
        return hits

    async def sample(self, categories: Sequence[str], amount: int) -> Sequence[Sample]:
        samples = []
        for category in categories:
            there = self._in(category)
            drawn = self._random.sample(there, min(amount, len(there)))
            samples.append(Sample(category=category, items=drawn, complete=len(there) <= amount))
        return samples

    async def delete(self, item_id: str) -> None:
        self.items.remove(await self.get(item_id))


class FakeAccounts:
    """One person, who has marked `marked` and has these points."""

    def __init__(self, points: dict[str, int] | None = None, marked: Iterable[ItemRef] = ()) -> None:
        self.points = points or {}
        self.marks = {(ref.type, ref.id) for ref in marked}
        self.likes: list[LikedItem] = []
        self.asked_about = 0

    async def top_categories(self, subject: str, limit: int) -> Sequence[CategoryPoints]:
        ranked = sorted(self.points.items(), key=lambda entry: (-entry[1], entry[0]))
        return [CategoryPoints(category=category, points=points) for category, points in ranked[:limit]]

    async def marked(self, subject: str, item_type: ItemType, item_ids: Sequence[str]) -> set[str]:
        self.asked_about += len(item_ids)
        return {item_id for item_id in item_ids if (item_type, item_id) in self.marks}

    async def top_items(self, item_type: ItemType, limit: int) -> Sequence[LikedItem]:
        return self.likes[:limit]

    async def remove_item_marks(self, ref: ItemRef) -> None:
        self.marks.discard((ref.type, ref.id))
