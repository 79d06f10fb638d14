"""Items and marks: what the ranking and the training are given. Needs the standard library only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class ItemRef(NamedTuple):
    """`type` is a number of the protocol's ItemType; `id` is unique within the type."""

    type: int
    id: str


class Item(Protocol):
    """What is read of an item. The protocol's message Item has these fields."""

    @property
    def type(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def category(self) -> Sequence[str]:
        """The source's labels."""

    @property
    def themes(self) -> Sequence[str]:
        """The labels in the words that all types share."""

    @property
    def rating(self) -> float | None:
        """0 to 10; None or 0 if nobody has rated the item."""

    @property
    def votes(self) -> int | None: ...


class Mark(NamedTuple):
    """An item that a person has seen, liked or both, with the labels and themes that it had on that day."""

    ref: ItemRef
    seen: bool
    liked: bool
    category: Sequence[str] = ()
    themes: Sequence[str] = ()


SEEN_POINTS, LIKED_POINTS = 1, 3


def points(seen: int, liked: int) -> int:
    """How much marks count for a label or a theme: the sum over items seen and items liked."""
    return SEEN_POINTS * seen + LIKED_POINTS * liked


@dataclass(frozen=True)
class LabelCounts:
    """The number of a type's items, and of those with each category and each theme."""

    items: int
    categories: Mapping[str, int]
    themes: Mapping[str, int]
