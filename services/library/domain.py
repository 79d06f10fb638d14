"""The types that the library's rules work on. Neither this module nor those of the rules import gRPC or protobuf.

Item messages pass through the rules unconverted; the rules use only the fields of the protocol class Item. Item types
are the numbers of the enum ItemType.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from services.taste.domain import Item, ItemRef, LabelCounts, Mark


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


class ThemePoints(NamedTuple):
    """A user's points for a theme, and the numbers of items that they are from."""

    theme: str
    points: int
    seen: int
    liked: int


@dataclass(frozen=True)
class MarkPage:
    marks: Sequence[tuple[ItemRef, object]]  # newest first, with the Timestamp of the mark, which is passed through
    next_cursor: str


@dataclass(frozen=True)
class RecentMarks:
    marks: Sequence[Mark]  # newest first
    complete: bool  # whether these are all items that the user has marked as seen or liked
    not_interested: Sequence[ItemRef] = ()
    complete_with_not_interested: bool = False  # whether both are all items that the user has marked in any way


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

    async def sample(self, themes: Sequence[str], amount: int, max_themes: int, seed: int) -> Sequence[Sample]:
        """One sample of each of the first themes that have items; the empty theme is the whole dataset.

        The same seed gives the same samples while the items are the same.
        """

    async def most_voted(self, limit: int) -> Sequence[Item]:
        """The items with the most votes, at most `limit` (1 to 1000), most first."""

    async def categories(self) -> LabelCounts:
        """The dataset's categories and themes with their numbers of items, most first."""

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

    async def recent_marks(self, subject: str, limit: int) -> RecentMarks:
        """The items, at most `limit` (1 to 200), that the user marked last as seen or liked, and as not interesting."""

    async def filter_marked(self, subject: str, refs: Sequence[ItemRef]) -> set[ItemRef]:
        """The subset of the items that the user has marked in any way."""

    async def filter_liked(self, subject: str, refs: Sequence[ItemRef]) -> set[ItemRef]:
        """The subset of the items, at most 100, that the user has liked."""

    async def top_themes(self, subject: str, limit: int) -> Sequence[ThemePoints]:
        """The themes with the most points, at most `limit` (1 to 100), most first; ties in alphabetical order."""

    async def top_items(self, item_type: int, limit: int) -> Sequence[tuple[ItemRef, int]]:
        """The most liked items with their likes, most first."""


class ModelSource(Protocol):
    """Where trained models come from. Every method raises a SeenError if the source does not answer."""

    async def version(self) -> str:
        """The version of the current model; empty before the first training."""

    async def read(self, version: str) -> bytes:
        """The file of this model. Aborted if it has been replaced meanwhile."""
