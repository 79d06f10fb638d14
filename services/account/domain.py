"""What a mark is, how many points it gives, and the limits of its fields. Free of SQL and gRPC."""

import datetime
import enum
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.common import checks
from services.common.errors import InvalidArgument

# Lengths are in characters.
MAX_SUBJECT_LENGTH = 255  # OpenID Connect Core 1.0, section 2: `sub`
MAX_ITEM_ID_LENGTH = 64
MAX_CATEGORY_LENGTH = 255
MAX_CATEGORIES = 100
MAX_THEMES = 200  # a category may have several


class MarkKind(enum.IntEnum):
    """Same numbers as the proto enum; the database stores them."""

    SEEN = 1
    LIKE = 2
    NOT_INTERESTED = 3


# Points that a mark gives each theme of its item. An item both seen and liked gives the sum. Other kinds do not count.
POINTS = {MarkKind.SEEN: 1, MarkKind.LIKE: 3}


@dataclass(frozen=True)
class ItemRef:
    """`type` is a number of the proto enum ItemType; `id` is unique within the type."""

    type: int
    id: str


@dataclass(frozen=True)
class Mark:
    item: ItemRef
    marked_at: datetime.datetime


class ThemePoints(NamedTuple):
    theme: str
    points: int
    # Number of the user's items of this theme that are marked as seen, and as liked.
    seen: int
    liked: int


class RecentMark(NamedTuple):
    """An item marked as seen, liked or both, with its categories and themes when it was marked last."""

    item: ItemRef
    seen: bool
    liked: bool
    category: Sequence[str]
    themes: Sequence[str]


class RecentMarks(NamedTuple):
    """`…complete`: whether the list has all of the user's items of that kind."""

    marks: Sequence[RecentMark]  # seen or liked
    marks_complete: bool
    not_interested: Sequence[ItemRef]
    not_interested_complete: bool


class ExportKey(NamedTuple):
    """The position of a mark in the export, which is in this order."""

    person: int
    type: int
    id: str
    kind: int


@dataclass(frozen=True)
class User:
    username: str | None
    created_at: datetime.datetime
    seen: int
    liked: int


def check_subject(subject: str) -> str:
    return _check_text("subject", subject, MAX_SUBJECT_LENGTH)


def check_item_id(item_id: str) -> str:
    return _check_text("id", item_id, MAX_ITEM_ID_LENGTH)


def check_categories(categories: Iterable[str]) -> list[str]:
    """The categories without duplicates, in their order."""
    return _check_names("category", categories, MAX_CATEGORIES)


def check_themes(themes: Iterable[str]) -> list[str]:
    """The themes without duplicates, in their order."""
    return _check_names("themes", themes, MAX_THEMES)


def _check_names(field: str, names: Iterable[str], limit: int) -> list[str]:
    unique = list(dict.fromkeys(names))
    checks.max_entries(field, len(unique), limit)
    return [_check_text(field, name, MAX_CATEGORY_LENGTH) for name in unique]


def _check_text(field: str, value: str, max_length: int) -> str:
    """Unlike checks.text it neither strips nor normalizes: these values are compared character by character."""
    if not 1 <= len(value) <= max_length:
        raise InvalidArgument(field, f"must be 1 to {max_length} characters long, not {len(value)}")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise InvalidArgument(field, "must not contain control characters")
    return value
