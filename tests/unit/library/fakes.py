"""Datasets, accounts and a source of models in memory, for the library's rules."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from services.common.errors import NotFound, Unavailable
from services.library.domain import ListRange, MarkPage, RecentMarks, ThemePoints
from services.taste.domain import Item, ItemRef, LabelCounts, Mark

BOOK, SHOW, ANIME = 1, 2, 3
NAMES = {BOOK: "BOOK", SHOW: "SHOW", ANIME: "ANIME"}


def items(category: Sequence[str], count: int) -> list[tuple[str, Sequence[str]]]:
    """For FakeDataset: so many items of these categories."""
    return [(f"{'/'.join(category)} {number}", category) for number in range(count)]


def ref(item: Item) -> ItemRef:
    return ItemRef(item.type, item.id)


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
    themes: Sequence[str] = ()
    rating: float | None = None
    votes: int | None = None


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
    """`items` are names with categories, which are also their themes. The first item has the most votes.

    `calls` counts the calls; a list of no items, which is only asked for its length, counts as `count`.
    """

    def __init__(self, item_type: int, items: Iterable[tuple[str, Sequence[str]]]) -> None:
        self.type = item_type
        self.name = NAMES[item_type]
        self.items = [
            FakeItem(item_type, f"{number:024x}", name, category, category, rating=8.0, votes=10_000 // (number + 10))
            for number, (name, category) in enumerate(items)
        ]
        self.down = False
        self.calls: Counter[str] = Counter()

    def new_calls(self) -> dict[str, int]:
        """The numbers of calls since the last time."""
        calls = dict(self.calls)
        self.calls.clear()
        return calls

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

    async def sample(self, themes: Sequence[str], amount: int, max_themes: int, seed: int) -> Sequence[FakeSample]:
        self.calls["sample"] += 1
        samples = []
        for theme in [name for name in themes if self._items(name)][:max_themes]:
            items = self._items(theme)
            drawn = random.Random(f"{seed} {theme}").sample(items, min(amount, len(items)))
            samples.append(FakeSample(theme, drawn, complete=len(items) <= amount))
        return samples

    async def most_voted(self, limit: int) -> Sequence[FakeItem]:
        return sorted(self._items(), key=lambda item: -(item.votes or 0))[:limit]

    async def categories(self) -> LabelCounts:
        counts = Counter(name for item in self._items() for name in item.category)
        return LabelCounts(len(self.items), counts, counts)

    async def create(self, item: Item) -> FakeItem:
        raise NotImplementedError("no rule creates items")

    async def delete(self, item_id: str) -> None:
        self.items.remove(await self.get(item_id))


class FakeAccounts:
    """One user, who has marked `marked` and has these points."""

    def __init__(self, points: dict[str, int] | None = None, marked: Iterable[ItemRef] = ()) -> None:
        self.points = points or {}
        self.marks = set(marked)
        self.recent: list[Mark] = []  # newest first
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

    async def recent_marks(self, subject: str, limit: int) -> RecentMarks:
        self.calls["recent_marks"] += 1
        others = list(self.marks - {mark.ref for mark in self.recent})
        complete = len(self.recent) <= limit
        return RecentMarks(self.recent[:limit], complete, others[:limit], complete and len(others) <= limit)

    async def filter_marked(self, subject: str, refs: Sequence[ItemRef]) -> set[ItemRef]:
        self.calls["filter_marked"] += 1
        self.looked_up += len(refs)
        return self.marks.intersection(refs)

    async def filter_liked(self, subject: str, refs: Sequence[ItemRef]) -> set[ItemRef]:
        self.calls["filter_liked"] += 1
        return {mark.ref for mark in self.recent if mark.liked}.intersection(refs)

    async def top_themes(self, subject: str, limit: int) -> Sequence[ThemePoints]:
        self.calls["top_themes"] += 1
        themes = sorted(self.points.items(), key=lambda entry: (-entry[1], entry[0]))
        return [ThemePoints(theme, points, seen=points, liked=0) for theme, points in themes[:limit]]

    async def top_items(self, item_type: int, limit: int) -> Sequence[tuple[ItemRef, int]]:
        self.calls["top_items"] += 1
        return self.likes[:limit]


class FakeModelSource:
    """Holds the file of one model. If `error` is set, every call fails."""

    def __init__(self) -> None:
        self.current = ""
        self.content = b""
        self.error: Exception | None = None
        self.calls: Counter[str] = Counter()

    async def version(self) -> str:
        self.calls["version"] += 1
        if self.error:
            raise self.error
        return self.current

    async def read(self, version: str) -> bytes:
        self.calls["read"] += 1
        if self.error:
            raise self.error
        return self.content
