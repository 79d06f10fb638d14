"""IMDb titles."""

import re

from seen.v1.types_pb2 import ItemType
from services.catalog.adapter import Format, JoinedNumber, Row, SourceFile, number, one_line, unique
from services.catalog.item import Item, Skipped

NULL = r"\N"
_ID = re.compile(r"tt\d{7,10}", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)


class ImdbTitles:
    """title.basics.tsv with title.ratings.tsv, as https://developer.imdb.com/non-commercial-datasets/ describes them.

    Everything is kept, episodes and video games too; `kind` tells them apart.
    """

    type = ItemType.SHOW
    name = "imdb"
    source = SourceFile(
        "title.basics.tsv",
        Format.TSV,
        ("tconst", "titleType", "primaryTitle", "isAdult", "startYear", "genres"),
    )
    joined = (
        JoinedNumber(
            SourceFile("title.ratings.tsv", Format.TSV, ("tconst", "averageRating", "numVotes")),
            key="tconst",
            column="averageRating",
            low=1,
            high=10,
        ),
    )

    def item(self, row: Row) -> Item | Skipped:
        source_id = row["tconst"]
        if not _ID.fullmatch(source_id):
            return Skipped("no IMDb id")
        name = _known(row["primaryTitle"])
        if not name:
            return Skipped("no name")
        if row["isAdult"] not in ("0", "1"):  # a tab inside a title moved the columns behind it
            return Skipped("isAdult is neither 0 nor 1")
        category = unique(_known(row["genres"]).split(","))
        return Item(
            source_id=source_id,
            name=name,
            category=category,
            rating=number(row.get("averageRating", "")),
            kind=_known(row["titleType"]) or None,
            year=int(row["startYear"]) if _YEAR.fullmatch(row["startYear"]) else None,
            adult=row["isAdult"] == "1" or "Adult" in category,
        )


def _known(cell: str) -> str:
    """The cell, or nothing where IMDb knows nothing. "None" and "Unknown" are titles."""
    return "" if cell == NULL else one_line(cell)


ADAPTER = ImdbTitles()
