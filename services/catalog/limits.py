"""What an item may hold, whoever brings it. Fields are named as the REST API spells them."""

import dataclasses
import functools
import math
import re
from urllib.parse import urlsplit

from services.catalog.item import Item
from services.common import checks
from services.common.errors import InvalidArgument

LONGEST_NAME = 500
LONGEST_DESCRIPTION = 20_000
LONGEST_IMAGE_URL = 2000
LONGEST_KIND = 50
LONGEST_SOURCE_ID = 100
LONGEST_CATEGORY = 100
MOST_CATEGORIES = 50
HIGHEST_RATING = 10
# Gilgamesh is older than year 1, and films are announced for the next century.
FIRST_YEAR, LAST_YEAR = -3000, 3000

_LINK = re.compile(r"https?://\S+", re.IGNORECASE)


def checked(item: Item) -> Item:
    """The item, its texts composed and stripped; raises InvalidArgument for the first field that cannot be kept."""
    return dataclasses.replace(
        item,
        name=checks.text("name", item.name, LONGEST_NAME),
        category=categories(item.category),
        rating=_rating(item.rating),
        description=_text("description", item.description, LONGEST_DESCRIPTION, line_breaks=True),
        image_url=_link(item.image_url),
        kind=_text("kind", item.kind, LONGEST_KIND),
        year=None if item.year is None else checks.integer("year", item.year, FIRST_YEAR, LAST_YEAR),
        source_id=_text("sourceId", item.source_id, LONGEST_SOURCE_ID),
    )


@functools.lru_cache(maxsize=4096)  # millions of IMDb's titles share two thousand lists
def categories(names: tuple[str, ...]) -> tuple[str, ...]:
    checks.max_entries("category", len(names), MOST_CATEGORIES)
    kept = tuple(checks.text("category", name, LONGEST_CATEGORY) for name in names)
    if len(set(kept)) < len(kept):
        raise InvalidArgument("category", "must not name a category twice")
    return kept


def is_link(text: str) -> bool:
    """Whether it can be the address of an image: http or https, with a host."""
    if len(text) > LONGEST_IMAGE_URL or not _LINK.fullmatch(text):
        return False
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:  # a bracket that opens no IPv6 address
        return False


def _rating(rating: float | None) -> float | None:
    if rating is not None and not (math.isfinite(rating) and 0 <= rating <= HIGHEST_RATING):
        raise InvalidArgument("rating", f"must be 0 to {HIGHEST_RATING}")
    return rating


def _link(link: str | None) -> str | None:
    text = _text("imageUrl", link, LONGEST_IMAGE_URL)
    if text is not None and not is_link(text):
        raise InvalidArgument("imageUrl", "must be an http or https link")
    return text


def _text(field: str, value: str | None, longest: int, *, line_breaks: bool = False) -> str | None:
    return None if value is None else checks.text(field, value, longest, line_breaks=line_breaks)
