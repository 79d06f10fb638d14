"""What a dataset brings: its item type, the files it is published in, and what one row of them means."""

import enum
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from seen.v1.types_pb2 import ItemType
from services.catalog import limits
from services.catalog.item import Item, Skipped

Row = Mapping[str, str]


class Format(enum.Enum):
    CSV = "csv"  # quoted as spreadsheets do; a cell may hold line breaks
    TSV = "tsv"  # tab-separated, a quote is a quote


@dataclass(frozen=True)
class SourceFile:
    """A file as it is published. It is known by its columns: those named here are the ones that are read."""

    name: str
    format: Format
    columns: tuple[str, ...]


@dataclass(frozen=True)
class JoinedNumber:
    """One number of another file, joined to the rows by a key. At most two decimals are kept.

    A key is letters that are always the same, then a number: "tt0000012".
    """

    file: SourceFile
    key: str
    column: str
    low: float
    high: float


class Adapter(Protocol):
    @property
    def type(self) -> ItemType: ...

    @property
    def name(self) -> str:
        """Host name, metric label and collection."""

    @property
    def source(self) -> SourceFile:
        """The file of which each row is an item."""

    @property
    def joined(self) -> Sequence[JoinedNumber]:
        """What other files add to a row, under the column's name; empty where they have nothing on it."""

    def item(self, row: Row) -> Item | Skipped:
        """An item with a source_id, or why the row is none. Never raises, whatever the row holds."""


def unique(parts: Iterable[str]) -> tuple[str, ...]:
    """Each part once, in order, without the empty ones."""
    return tuple(dict.fromkeys(filter(None, map(one_line, parts))))


def one_line(text: str) -> str:
    """Stripped, with every run of white space (line breaks and no-break spaces too) as one space."""
    return " ".join(text.split())


def link(text: str) -> str | None:
    """The address of an image, or None where the source has none that could be followed."""
    stripped = text.strip()
    return stripped if limits.is_link(stripped) else None


def unescape_once(text: str) -> str:
    """HTML entities as characters. Only what ends in a semicolon is an entity: "Q&A" and "R&Bulls" are not."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text) if "&" in text else text


def number(text: str) -> float | None:
    """A plain decimal number; None for anything else, so that neither "nan" nor "1_000" gets in."""
    return float(text) if _NUMBER.fullmatch(text) else None


_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,30});", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{0,9})?", re.ASCII)
