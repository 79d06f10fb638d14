"""An item of a dataset, with its fields and their limits; the package derives all other lists of fields from it.

The `check` of a limit returns the value as it is stored, or raises InvalidArgument with the name of the field.
"""

import dataclasses
import functools
import re
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from services.common import checks
from services.common.errors import InvalidArgument


@dataclass(frozen=True)
class Text:
    """A text with a visible character; stored in NFC, without white space at its ends. Lengths are in characters."""

    max_length: int
    line_breaks: bool = False

    def check(self, field: str, value: str) -> str:
        return checks.text(field, value, self.max_length, line_breaks=self.line_breaks)


@dataclass(frozen=True)
class Link(Text):
    """An http or https address with a host."""

    def check(self, field: str, value: str) -> str:
        text = super().check(field, value)
        if not self.accepts(text):
            raise InvalidArgument(field, "must be an http or https link")
        return text

    def accepts(self, text: str) -> bool:
        if len(text) > self.max_length or not _LINK.fullmatch(text):
            return False
        try:
            return bool(urlsplit(text).hostname)
        except ValueError:  # an unmatched bracket, as in "https://[::1"
            return False


_LINK = re.compile(r"https?://\S+", re.IGNORECASE)


@dataclass(frozen=True)
class Number:
    minimum: int
    maximum: int

    def check(self, field: str, value: float) -> float:
        if not self.minimum <= value <= self.maximum:  # NaN too
            raise InvalidArgument(field, f"must be between {self.minimum} and {self.maximum}, not {value}")
        return value


@dataclass(frozen=True)
class Labels:
    """Distinct texts, each within the limit `entry`."""

    max_entries: int
    entry: Text

    @functools.lru_cache(maxsize=4096)  # noqa: B019 - IMDb's millions of titles have two thousand distinct lists
    def check(self, field: str, value: tuple[str, ...]) -> tuple[str, ...]:
        checks.max_entries(field, len(value), self.max_entries)
        entries = tuple(self.entry.check(field, entry) for entry in value)
        if len(set(entries)) < len(entries):
            raise InvalidArgument(field, "must not contain the same entry twice")
        return entries


Limit = Text | Number | Labels
NAME = Text(500)
CATEGORY = Text(100)
IMAGE_URL = Link(2000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Fields have their names in the proto. Fields with a limit are stored and sent."""

    name: Annotated[str, NAME]
    # In the source's order.
    category: Annotated[tuple[str, ...], Labels(50, CATEGORY)] = ()
    # None if nobody has rated the item.
    rating: Annotated[float | None, Number(0, 10)] = None
    description: Annotated[str | None, Text(20_000, line_breaks=True)] = None
    image_url: Annotated[str | None, IMAGE_URL] = None
    kind: Annotated[str | None, Text(50)] = None
    # The Epic of Gilgamesh is from about -2100; films are announced for the next century.
    year: Annotated[int | None, Number(-3000, 3000)] = None
    source_id: Annotated[str | None, Text(100)] = None
    # None if unknown.
    votes: Annotated[int | None, Number(0, 10**12)] = None
    # Assigned when the item is stored; empty until then.
    id: str = ""
    # Not stored: the loader skips adult items unless --include-adult is given.
    adult: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that cannot become an item. The loader counts rows by reason, so a reason contains no value of the row."""

    reason: str


LIMITS: dict[str, Limit] = {
    name: get_args(hint)[1]
    for name, hint in get_type_hints(Item, include_extras=True).items()
    if get_origin(hint) is Annotated
}
# The field's name in the REST API and in MongoDB: imageUrl for image_url.
CAMEL_CASE = {name: re.sub("_([a-z])", lambda match: match[1].upper(), name) for name in LIMITS}


def checked(item: Item) -> Item:
    """The item as it is stored. Raises InvalidArgument for the first field outside its limit, by its REST name."""
    values: dict[str, Any] = {}
    for name, limit in LIMITS.items():
        value = getattr(item, name)
        if value is not None:
            values[name] = limit.check(CAMEL_CASE[name], value)
    return dataclasses.replace(item, **values)
