"""The interface of a dataset's adapter, which turns rows of published files into items; functions that parse cells."""

import enum
import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from seen.v1.types_pb2 import ItemType
from services.catalog.item import IMAGE_URL, Item, Skipped

Row = Mapping[str, str]


class Format(enum.Enum):
    CSV = "csv"  # quoted as in RFC 4180: a cell may contain line breaks
    TSV = "tsv"  # tab-separated; quotes have no meaning


@dataclass(frozen=True)
class SourceFile:
    """A published file. `columns` are the columns that the adapter reads; the loader recognises the file by them."""

    name: str
    format: Format
    columns: tuple[str, ...]


@dataclass(frozen=True)
class JoinedColumn:
    """A column of numbers. Numbers outside the range are treated as missing."""

    name: str
    low: float
    high: float


@dataclass(frozen=True)
class JoinedFile:
    """A further file, whose columns are added to the rows that have the same key.

    Keys have the same letters in all rows, then a number: "tt0000012".
    """

    file: SourceFile
    key: str
    columns: tuple[JoinedColumn, ...]


class Adapter(Protocol):
    type: ItemType
    # Host name, metric label and MongoDB collection.
    name: str
    # The file with one item per row.
    source: SourceFile
    # Files whose columns are added to the row under their names; a cell is empty if the other file has no number.
    joined: tuple[JoinedFile, ...] = ()

    def item(self, row: Row) -> Item | Skipped:
        """Returns an item with a source_id, or why the row is skipped. Never raises, whatever the row contains."""


def published_files(adapter: Adapter) -> list[SourceFile]:
    """All files of the dataset that are loaded together."""
    return [adapter.source, *(joined.file for joined in adapter.joined)]


def unique(labels: Iterable[str]) -> tuple[str, ...]:
    """The distinct non-empty labels in their order, each on one line."""
    return tuple(dict.fromkeys(filter(None, map(one_line, labels))))


def one_line(text: str) -> str:
    """The stripped text. Each run of white space, including line breaks and no-break spaces, becomes one space."""
    return " ".join(text.split())


def link(text: str) -> str | None:
    """The address of an image, or None if it is not a valid link."""
    stripped = text.strip()
    return stripped if IMAGE_URL.accepts(stripped) else None


def unescape_once(text: str) -> str:
    """Replaces HTML entities that end in a semicolon. Without one, an & is plain text, as in "Q&A" or "R&Bulls"."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text) if "&" in text else text


def number(text: str) -> float | None:
    """A plain decimal number. None for anything else, such as "nan" or "1_000", which float() accepts."""
    return float(text) if _NUMBER.fullmatch(text) else None


def votes(text: str) -> int | None:
    """A number of people; None if it is unreadable or 0, which sources also write for "unknown"."""
    return int(text) or None if _COUNT.fullmatch(text) else None


_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,30});", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{0,9})?", re.ASCII)
_COUNT = re.compile(r"\d{1,12}", re.ASCII)
