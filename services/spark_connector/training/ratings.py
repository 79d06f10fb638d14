"""Files with people's ratings: CSV with the columns person, source_id, rating and rated_at.

A stored file is named after its item type: BOOK.csv. Its people are numbers within this file, not accounts.
"""

import datetime
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass

from services.catalog.adapter import Format, Row
from services.catalog.item import Skipped
from services.catalog.loader import tables

COLUMNS = ("person", "source_id", "rating", "rated_at")
HIGHEST = 10
MAX_TIME = 253_402_300_800  # the year 10000
MAX_TEXT = 100  # characters of a person and of a source's id

NO_PERSON = Skipped(f"no person, or one of more than {MAX_TEXT} characters")
NO_SOURCE_ID = Skipped(f"no source_id, or one of more than {MAX_TEXT} characters")
NO_RATING = Skipped(f"rating: not a number above 0 and up to {HIGHEST}")
NO_TIME = Skipped("rated_at: neither empty, nor seconds since 1970, nor a time in ISO 8601")


class WrongHeader(Exception):
    """The file's first line lacks columns. The message names them."""


@dataclass(frozen=True)
class Rating:
    """`rated_at` is in seconds since 1970; None if it is unknown."""

    person: str
    source_id: str
    rating: float
    rated_at: float | None

    def row(self) -> tuple[str, str, str, str]:
        return self.person, self.source_id, f"{self.rating:g}", "" if self.rated_at is None else f"{self.rated_at:.0f}"


def file_name(item_type: str) -> str:
    """`item_type` is a name of the proto enum ItemType."""
    return f"{item_type}.csv"


def read(text: io.TextIOWrapper) -> Iterator[Rating | Skipped]:
    """Yields a rating for each row, or the reason why the row is invalid. Raises WrongHeader.

    Columns may be in any order. Other columns are ignored.
    """
    columns = [name.strip().lower() for name in tables.read_header(text, Format.CSV)]
    if missing := [name for name in COLUMNS if name not in columns]:
        raise WrongHeader(f"its first line must be {','.join(COLUMNS)}; it lacks {', '.join(missing)}")
    for row in tables.read_rows(text, Format.CSV, columns):
        yield row if isinstance(row, Skipped) else _rating(row)


def _rating(row: Row) -> Rating | Skipped:
    person, source_id = row["person"].strip(), row["source_id"].strip()
    if not _is_name(person):
        return NO_PERSON
    if not _is_name(source_id):
        return NO_SOURCE_ID
    rating = _number(row["rating"])
    if rating is None or not 0 < rating <= HIGHEST:
        return NO_RATING
    rated_at = None
    if text := row["rated_at"].strip():
        rated_at = _time(text)
        if rated_at is None:
            return NO_TIME
    return Rating(person, source_id, rating, rated_at)


def _is_name(text: str) -> bool:
    return 0 < len(text) <= MAX_TEXT and text.isprintable()


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _time(text: str) -> float | None:
    seconds = _number(text)
    if seconds is None:
        try:
            time = datetime.datetime.fromisoformat(text)
            seconds = (time if time.tzinfo else time.replace(tzinfo=datetime.UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    return seconds if 0 <= seconds < MAX_TIME else None
