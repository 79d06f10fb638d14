"""Datasets and accounts in memory, for the library's rules."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from services.common.errors import NotFound, Unavailable
from services.library.domain import Item, ItemRef, ListRange, MarkPage, Points

BOOK, SHOW, ANIME = 1, 2, 3
NAMES = {BOOK: "BOOK", SHOW: "SHOW", ANIME: "ANIME"}


class Match(IntEnum):
    WHOLE_NAME = 0
    PREFIX = 1
    WORDS = 2


@dataclass(frozen=True)
class FakeItem:
    type: int
    id: str
    name: str
    category: Sequence[str]


@dataclass(frozen=True)
class FakeHit:
    id: str
    name: str
    match: int


@dataclass(frozen=True)
class FakeSample:
    category: str
    items: Sequence[FakeItem]
    complete: bool


class FakeDataset:
    """`items` are names with categories."""

    def __init__(self, item_type: int, items: Iterable[tuple[str, Sequence[str]]], seed: int = 1) -> None:
        self.type = item_type
        self.name = NAMES[item_type]
        self.items = [
            FakeItem(item_type, f"{number:024x}", name, category) for number, (name, category) in enumerate(items)
        ]
        self.down = False
        self.calls: Counter[str] = Counter()
        self._random = random.Random(seed)

    def _items(self, category: str = "") -> list[FakeItem]:
        if self.down:
            raise Unavailable("down")
        return [item for item in self.items if not category or category in item.category]

    async def get(self, item_id: str) -> FakeItem:
        for item in self._items():
            if item.id == item_id:
                return item
        raise NotFound("no such item")

    async def batch_get(self, item_ids: Sequence[str]) -> Sequence[FakeItem]:
        self.calls["batch_get"] += 1
        items = {item.id: item for item in self._items()}
        return [items[item_id] for item_id in item_ids if item_id in items]

    async def count(self, category: str) -> int:
        return len(self._items(category))

    async def list(self, category: str, start: int, limit: int) -> ListRange:
        self.calls["list" if limit else "count"] += 1
        items = self._items(category)
        return ListRange(items[start : start + limit], len(items))

    async def search(self, text: str, category: str) -> Sequence[FakeHit]:
        hits = []
        for item in self._items(category):
            prefix = Match.PREFIX if item.name.startswith(text) else Match.WORDS
            match = Match.WHOLE_NAME if item.name == text else prefix
            if text in item.name:
                hits.append(FakeHit(item.id, item.name, match))
        return hits

    async def sample(self, categories: Sequence[str], amount: int, max_categories: int) -> Sequence[FakeSample]:
        self.calls["sample"] += 1
        samples = []
        for category in [name for name in categories if self._items(name)][:max_categories]:
            items = self._items(category)
            drawn = self._random.sample(items, min(amount, len(items)))
            samples.append(FakeSample(category, drawn, complete=len(items) <= amount))
        return samples

    async def create(self, item: Item) -> FakeItem:
        raise NotImplementedError("no rule creates items")

    async def delete(self, item_id: str) -> None:
        self.items.remove(await self.get(item_id))


class FakeAccounts:
    """One user, who has marked `marked` and has these points."""

    def __init__(self, points: dict[str, int] | None = None, marked: Iterable[ItemRef] = ()) -> None:
        self.points = points or {}
        self.marks = set(marked)
        self.likes: list[tuple[ItemRef, int]] = []
        self.looked_up = 0
        self.calls: Counter[str] = Counter()

    async def set_mark(self, subject: str, item: Item, kind: int) -> None:
        self.marks.add(ItemRef(item.type, item.id))

    async def remove_mark(self, subject: str, ref: ItemRef, kind: int) -> None:
        self.marks.discard(ref)

    async def remove_item_marks(self, ref: ItemRef) -> None:
        self.marks.discard(ref)

    async def list_marks(self, subject: str, kind: int, size: int, cursor: str) -> MarkPage:
        raise NotImplementedError("tested with the real account service")

    async def filter_marked(self, subject: str, refs: Sequence[ItemRef]) -> set[ItemRef]:
        self.calls["filter_marked"] += 1
        self.looked_up += len(refs)
        return self.marks.intersection(refs)

    async def top_categories(self, subject: str, limit: int) -> Sequence[Points]:
        self.calls["top_categories"] += 1
        ranked = sorted(self.points.items(), key=lambda entry: (-entry[1], entry[0]))
        return [Points(category, points) for category, points in ranked[:limit]]

    async def top_items(self, item_type: int, limit: int) -> Sequence[tuple[ItemRef, int]]:
        self.calls["top_items"] += 1
        return self.likes[:limit]
