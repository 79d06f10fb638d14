"""IMDb titles."""

import re

from seen.v1.types_pb2 import ItemType
from services.catalog.adapter import (
    Adapter,
    Format,
    JoinedColumn,
    JoinedFile,
    Row,
    SourceFile,
    number,
    one_line,
    unique,
    votes,
)
from services.catalog.item import Item, Skipped

_NULL = r"\N"
_ID = re.compile(r"tt\d{7,10}", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)


class ImdbTitles(Adapter):
    """title.basics.tsv and title.ratings.tsv, see https://developer.imdb.com/non-commercial-datasets/

    All titles become items, including episodes and video games; `kind` distinguishes them.
    """

    type = ItemType.SHOW
    name = "imdb"
    source = SourceFile(
        "title.basics.tsv",
        Format.TSV,
        ("tconst", "titleType", "primaryTitle", "isAdult", "startYear", "genres"),
    )
    joined = (
        JoinedFile(
            SourceFile("title.ratings.tsv", Format.TSV, ("tconst", "averageRating", "numVotes")),
            key="tconst",
            columns=(JoinedColumn("averageRating", 1, 10), JoinedColumn("numVotes", 1, 10**9)),
        ),
    )

    def item(self, row: Row) -> Item | Skipped:
        source_id = row["tconst"]
        if not _ID.fullmatch(source_id):
            return Skipped("no IMDb id")
        name = _text(row["primaryTitle"])
        if not name:
            return Skipped("no name")
        if row["isAdult"] not in ("0", "1"):  # a tab in the title has shifted the later columns
            return Skipped("isAdult is neither 0 nor 1")
        category = unique(_text(row["genres"]).split(","))
        return Item(
            source_id=source_id,
            name=name,
            category=category,
            rating=number(row.get("averageRating", "")),
            votes=votes(row.get("numVotes", "")),
            kind=_text(row["titleType"]) or None,
            year=int(row["startYear"]) if _YEAR.fullmatch(row["startYear"]) else None,
            adult=row["isAdult"] == "1" or "Adult" in category,
        )


def _text(cell: str) -> str:
    """The cell on one line; empty for IMDb's missing value. "None" and "Unknown" are valid titles."""
    return "" if cell == _NULL else one_line(cell)


ADAPTER = ImdbTitles()
