"""What a mark is and what it is worth. Nothing here knows SQL or gRPC."""

import datetime
import enum
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from services.common import checks
from services.common.errors import InvalidArgument

LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0, section 2: `sub`
LONGEST_ITEM_ID = 64
LONGEST_CATEGORY = 255
MOST_CATEGORIES = 100


class Kind(enum.IntEnum):
    """The numbers are the protocol's, and are what the database keeps."""

    SEEN = 1
    LIKE = 2


# What a mark gives to each category of its item; one both seen and liked gives the sum.
POINTS = {Kind.SEEN: 1, Kind.LIKE: 3}


@dataclass(frozen=True, order=True)
class Item:
    """An item by its number in the protocol's ItemType and its id there."""

    type: int
    id: str


@dataclass(frozen=True)
class Mark:
    item: Item
    marked_at: datetime.datetime


@dataclass(frozen=True)
class User:
    username: str | None
    created_at: datetime.datetime
    seen: int
    liked: int


def checked_subject(subject: str) -> str:
    return _exact("subject", subject, LONGEST_SUBJECT)


def checked_item_id(item_id: str) -> str:
    return _exact("id", item_id, LONGEST_ITEM_ID)


def checked_categories(categories: Iterable[str]) -> list[str]:
    """Each category once, in order."""
    unique = list(dict.fromkeys(categories))
    checks.at_most("category", len(unique), MOST_CATEGORIES)
    return [_exact("category", category, LONGEST_CATEGORY) for category in unique]


def _exact(field: str, value: str, longest: int) -> str:
    """Text that is compared character by character, so nothing of it is changed: it fits or it is refused."""
    if not 1 <= len(value) <= longest:
        raise InvalidArgument(field, f"must be 1 to {longest} characters long, not {len(value)}")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise InvalidArgument(field, "must not hold control characters")
    return value
