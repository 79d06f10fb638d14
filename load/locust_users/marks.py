"""What one simulated person has marked, and the points that must come of it: 1 for each item seen, 3 for each liked."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

Item = Mapping[str, Any]

POINTS = {"seen": 1, "like": 3}
CHOSEN = 3  # categories that suggestions are drawn from, for each type


def path(item: Item) -> str:
    return f"/item/{item['type']}/{item['id']}"


class Marks:
    """A mark that was sent and not confirmed may be there or not, so there is a fewest and a most of points."""

    def __init__(self) -> None:
        self._sent: dict[tuple[str, str], Item] = {}
        self._confirmed: dict[tuple[str, str], Item] = {}

    def sent(self, kind: str, item: Item) -> None:
        self._sent[kind, path(item)] = item

    def confirmed(self, kind: str, item: Item) -> None:
        self._confirmed[kind, path(item)] = item

    def has(self, kind: str, item: Item) -> bool:
        return (kind, path(item)) in self._sent

    def __len__(self) -> int:
        return len(self._confirmed)

    def paths(self) -> set[str]:
        """Of everything that is marked for certain."""
        return {where for _, where in self._confirmed}

    def fewest(self) -> Counter[str]:
        """Points by category."""
        return _points(self._confirmed)

    def most(self) -> Counter[str]:
        return _points(self._sent)

    def chosen(self) -> set[str]:
        """The three categories with the most points, ties by name; none while it is uncertain which they are."""
        fewest = self.fewest()
        if fewest != self.most():
            return set()
        return set(sorted(fewest, key=lambda category: (-fewest[category], category))[:CHOSEN])


def _points(marks: Mapping[tuple[str, str], Item]) -> Counter[str]:
    points: Counter[str] = Counter()
    for (kind, _), item in marks.items():
        for category in item["category"]:
            points[category] += POINTS[kind]
    return points
