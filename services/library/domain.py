"""The types that the library's rules work on. Neither this module nor those of the rules import gRPC or protobuf.

Items pass through the rules unconverted; the rules use only their type, id and categories.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class ItemRef(NamedTuple):
    """Item types are the numbers of the protocol's ItemType."""

    type: int
    id: str


class Item(Protocol):
    @property
    def type(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def category(self) -> Sequence[str]: ...


class SearchHit(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def match(self) -> int:
        """How well the name matches: the lower, the better."""


@dataclass(frozen=True)
class ListRange:
    items: Sequence[Item]
    count: int  # of the whole list


class Sample(Protocol):
    @property
    def category(self) -> str: ...
    @property
    def items(self) -> Sequence[Item]: ...
    @property
    def complete(self) -> bool:
        """Whether these are all items of the category."""


class Points(NamedTuple):
    category: str
    points: int


@dataclass(frozen=True)
class Mark:
    item: ItemRef
    marked_at: object  # the protocol's Timestamp, passed through


@dataclass(frozen=True)
class MarkPage:
    marks: Sequence[Mark]
    next_cursor: str


class Dataset(Protocol):
    """The items of one type. Every method raises Unavailable if the dataset does not answer."""

    @property
    def type(self) -> int: ...
    @property
    def name(self) -> str:
        """The type's name in the REST API."""

    async def get(self, item_id: str) -> Item:
        """NotFound if there is no such item."""

    async def batch_get(self, item_ids: Sequence[str]) -> Sequence[Item]:
        """The items that exist, in the order of the ids."""

    async def count(self, category: str) -> int:
        """The number of items in a category, or in the whole dataset if `category` is empty."""

    async def list(self, category: str, start: int, limit: int) -> ListRange:
        """At most `limit` items from `start` on; none if `limit` is 0."""

    async def search(self, text: str, category: str) -> Sequence[SearchHit]: ...

    async def sample(self, categories: Sequence[str], amount: int, max_categories: int) -> Sequence[Sample]:
        """One sample of each of the first categories that have items; the empty category is the whole dataset."""

    async def create(self, item: Item) -> Item: ...

    async def delete(self, item_id: str) -> None:
        """NotFound if there is no such item."""


class Accounts(Protocol):
    """Users' marks. `subject` is the claim `sub` of a user's access token."""

    async def set_mark(self, subject: str, item: Item, kind: int) -> None: ...

    async def remove_mark(self, subject: str, ref: ItemRef, kind: int) -> None: ...

    async def remove_item_marks(self, ref: ItemRef) -> None:
        """Removes all users' marks on the item."""

    async def list_marks(self, subject: str, kind: int, size: int, cursor: str) -> MarkPage: ...

    async def filter_marked(self, subject: str, refs: Sequence[ItemRef]) -> set[ItemRef]:
        """Those of the items, at most 1000, that the user has marked in any way."""

    async def top_categories(self, subject: str, limit: int) -> Sequence[Points]:
        """Most points first."""

    async def top_items(self, item_type: int, limit: int) -> Sequence[tuple[ItemRef, int]]:
        """The most liked items with their likes, most first."""
