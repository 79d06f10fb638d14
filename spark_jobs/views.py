"""The SQL views that both engines create over files: five over IMDb's files, with numbers as ids, and one over marks.

A view has one row per line, without the header. If a line is unreadable, the key columns of its row are NULL, so that
joins drop the row and it can still be counted.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from spark_jobs.imdb_files import COLUMNS, FORMS

# Backslash N is IMDb's null. The two engines read a backslash in a literal differently, hence chr().
_NULL = "concat(chr(92), 'N')"


class InputError(Exception):
    """The input files or arguments cannot be used. The message is shown to users."""


def _number(column: str, prefix: str) -> str:
    """The number in an id such as tt0000012, which may have any number of digits."""
    return f"CASE WHEN {column} LIKE '{prefix}%' THEN try_cast(substr({column}, 3) AS INT) END"


@dataclass(frozen=True)
class View:
    """`select` maps the view's columns to expressions over the file's columns, which are text."""

    file: str
    select: Mapping[str, str]
    readable: str
    """SQL condition: the row's line is readable."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the file."""
        return _COLUMNS[self.file]

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that the view uses. A line is unreadable if it ends before the last of these columns does."""
        return tuple(column for column in self.columns if any(column in text for text in self.select.values()))

    @property
    def leading(self) -> tuple[str, ...]:
        """The file's columns up to the last needed one."""
        return self.columns[: self.columns.index(self.needed[-1]) + 1]

    @property
    def select_list(self) -> list[str]:
        return [f"{expression} AS {name}" for name, expression in self.select.items()]


MARKS_COLUMNS = ("person", "type", "id", "kind", "marked_at")
_COLUMNS = COLUMNS | {"marks": MARKS_COLUMNS}

IMDB_VIEWS = {
    "basics": View(
        "title.basics",
        {
            "title": _number("tconst", "tt"),
            "type": "titleType",
            "name": f"nullif(primaryTitle, {_NULL})",
            "year": "CAST(try_cast(startYear AS DECIMAL(9, 0)) AS INT)",
        },
        "title IS NOT NULL",
    ),
    "ratings": View(
        "title.ratings",
        {
            "title": _number("tconst", "tt"),
            "rating": "CAST(try_cast(averageRating AS DECIMAL(4, 1)) * 10 AS INT)",  # in tenths, which add up exactly
            "votes": "CAST(try_cast(numVotes AS DECIMAL(12, 0)) AS BIGINT)",
        },
        "title IS NOT NULL AND rating IS NOT NULL AND votes IS NOT NULL",
    ),
    "crew": View(
        "title.crew",
        {"title": _number("tconst", "tt"), "directors": "directors"},
        "title IS NOT NULL",
    ),
    "principals": View(
        "title.principals",
        {"title": _number("tconst", "tt"), "person": _number("nconst", "nm")},
        "title IS NOT NULL AND person IS NOT NULL",
    ),
    "names": View(
        "name.basics",
        {"person": _number("nconst", "nm"), "name": f"nullif(primaryName, {_NULL})"},
        "person IS NOT NULL",
    ),
}
"""The views over IMDb's files."""

ALL_VIEWS = IMDB_VIEWS | {
    "marks": View(
        "marks",
        {
            "person": "person",
            "item": "concat(type, '/', id)",
            # In tenths, so that sums are exact.
            "weight": "CASE kind WHEN 'like' THEN 10 WHEN 'seen' THEN 3 END",
            "marked_at": "try_cast(marked_at AS BIGINT)",
        },
        "person IS NOT NULL AND weight IS NOT NULL",
    )
}
"""These, and the view over the marks that services/taste learns from."""


def find_files(folder: str, names: Iterable[str], exists: Callable[[str], bool]) -> dict[str, str]:
    """The path of each view's file in a folder or under a URI. Raises InputError if a file is missing."""
    paths = {}
    for name in names:
        file = ALL_VIEWS[name].file
        forms = [form for form in FORMS if exists(f"{folder.rstrip('/')}/{file}{form}")]
        if not forms:
            raise InputError(f"there is no {file}.tsv, {file}.tsv.gz or {file}.parquet in {folder}")
        paths[name] = f"{folder.rstrip('/')}/{file}{forms[0]}"
    return paths


def views_in(sql: str, names: Iterable[str]) -> set[str]:
    """The views among `names` that a statement reads."""
    return {name for name in names if re.search(rf"\b{name}\b", sql)}


def check_readable(name: str, path: str, lines: int, unreadable: int) -> None:
    """Raises InputError if more than half of the lines are unreadable, because then it is some other file."""
    if unreadable > 100 and unreadable * 2 > lines:
        raise InputError(f"{path}: {unreadable:,} of {lines:,} lines cannot be read as {ALL_VIEWS[name].file}")
