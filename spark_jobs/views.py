"""IMDb's five files as the questions see them: five views with numbers for ids, the same in both engines.

A view has a row for every line but the header. Of a line that cannot be read, the columns it is known by are NULL, so
that joins drop it and it can still be counted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

FORMS = (".parquet", ".tsv", ".tsv.gz")
"""What a file's name may end in, the form that is read soonest first."""

# Backslash N is IMDb's null. Spelled so because the engines read a backslash in a literal differently.
_NULL = "concat(chr(92), 'N')"


class InputError(Exception):
    """The inputs are not what the job was promised; the message is a sentence for whoever gave them."""


def _number(column: str, prefix: str) -> str:
    """The number in an id such as tt0000012, which may have any number of digits."""
    return f"CASE WHEN {column} LIKE '{prefix}%' THEN try_cast(substr({column}, 3) AS INT) END"


@dataclass(frozen=True)
class View:
    file: str
    """The file's name without its ending."""
    columns: tuple[str, ...]
    """Every column of the file, in IMDb's order; the first is the id of what the line tells of."""
    select: Mapping[str, str]
    """The view's columns, each as an expression over the file's columns as text."""
    readable: str
    """Whether a row comes from a line that could be read."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns the view is made of. A line cut before the end of the last of them cannot be read."""
        return tuple(column for column in self.columns if any(column in text for text in self.select.values()))

    @property
    def sql_columns(self) -> str:
        return ", ".join(f"{expression} AS {name}" for name, expression in self.select.items())


VIEWS = {
    "basics": View(
        "title.basics",
        (
            "tconst",
            "titleType",
            "primaryTitle",
            "originalTitle",
            "isAdult",
            "startYear",
            "endYear",
            "runtimeMinutes",
            "genres",
        ),
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
        ("tconst", "averageRating", "numVotes"),
        {
            "title": _number("tconst", "tt"),
            "rating": "CAST(try_cast(averageRating AS DECIMAL(4, 1)) * 10 AS INT)",  # in tenths, which add up exactly
            "votes": "CAST(try_cast(numVotes AS DECIMAL(12, 0)) AS BIGINT)",
        },
        "title IS NOT NULL AND rating IS NOT NULL AND votes IS NOT NULL",
    ),
    "crew": View(
        "title.crew",
        ("tconst", "directors", "writers"),
        {"title": _number("tconst", "tt"), "directors": "directors"},
        "title IS NOT NULL",
    ),
    "principals": View(
        "title.principals",
        ("tconst", "ordering", "nconst", "category", "job", "characters"),
        {"title": _number("tconst", "tt"), "person": _number("nconst", "nm")},
        "title IS NOT NULL AND person IS NOT NULL",
    ),
    "names": View(
        "name.basics",
        ("nconst", "primaryName", "birthYear", "deathYear", "primaryProfession", "knownForTitles"),
        {"person": _number("nconst", "nm"), "name": f"nullif(primaryName, {_NULL})"},
        "person IS NOT NULL",
    ),
}


def find(folder: str, names: tuple[str, ...], exists: Callable[[str], bool]) -> dict[str, str]:
    """Where the files of these views are in a folder (or under a URI), in whichever form they have."""
    paths = {}
    for name in names:
        file = VIEWS[name].file
        forms = [form for form in FORMS if exists(f"{folder.rstrip('/')}/{file}{form}")]
        if not forms:
            raise InputError(f"there is no {file}.tsv, {file}.tsv.gz or {file}.parquet in {folder}")
        paths[name] = f"{folder.rstrip('/')}/{file}{forms[0]}"
    return paths


def check(name: str, path: str, lines: int, unreadable: int) -> None:
    """A few cut lines are life; a file most of which cannot be read is another file."""
    if unreadable > 100 and unreadable * 2 > lines:
        raise InputError(f"{path}: {unreadable:,} of {lines:,} lines cannot be read as {VIEWS[name].file} of IMDb")
