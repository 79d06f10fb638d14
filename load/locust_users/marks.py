"""The marks of one simulated member, and the points that follow from them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

Item = Mapping[str, Any]

POINTS = {"seen": 1, "like": 3}  # for each theme of the item
TOP_CATEGORIES = 3  # number of themes that suggestions are drawn from


def item_path(item: Item) -> str:
    return f"/item/{item['type']}/{item['id']}"


class Marks:
    """A mark that was sent but not confirmed may or may not be stored, so points have a minimum and a maximum."""

    def __init__(self) -> None:
        self._sent: dict[tuple[str, str], Item] = {}
        self._confirmed: dict[tuple[str, str], Item] = {}

    def add_sent(self, mark: str, item: Item) -> None:
        self._sent[mark, item_path(item)] = item

    def add_confirmed(self, mark: str, item: Item) -> None:
        self._confirmed[mark, item_path(item)] = item

    def was_sent(self, mark: str, item: Item) -> bool:
        return (mark, item_path(item)) in self._sent

    def __len__(self) -> int:
        """The number of confirmed marks."""
        return len(self._confirmed)

    def confirmed_paths(self) -> set[str]:
        return {path for _, path in self._confirmed}

    def min_counts(self, mark: str) -> Counter[str]:
        """Number of items with this mark by theme."""
        return _counts(self._confirmed, mark)

    def max_counts(self, mark: str) -> Counter[str]:
        return _counts(self._sent, mark)

    def min_points(self) -> Counter[str]:
        """Points by theme."""
        return _points(self._confirmed)

    def max_points(self) -> Counter[str]:
        return _points(self._sent)

    def top_categories(self) -> set[str]:
        """The themes with the most points, ties by name. Empty while an unconfirmed mark leaves them uncertain."""
        points = self.min_points()
        if points != self.max_points():
            return set()
        return set(sorted(points, key=lambda theme: (-points[theme], theme))[:TOP_CATEGORIES])


def _counts(marks: Mapping[tuple[str, str], Item], kind: str) -> Counter[str]:
    return Counter(theme for (mark, _), item in marks.items() if mark == kind for theme in item["themes"])


def _points(marks: Mapping[tuple[str, str], Item]) -> Counter[str]:
    points: Counter[str] = Counter()
    for mark, worth in POINTS.items():
        for theme, count in _counts(marks, mark).items():
            points[theme] += worth * count
    return points
