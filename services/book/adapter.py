"""Goodreads books."""

import re

from seen.v1.types_pb2 import ItemType
from services.catalog.adapter import Adapter, Format, Row, SourceFile, link, number, one_line, unique, votes
from services.catalog.item import Item, Skipped

# …/books/1255614970l/2.jpg
_IMAGE_NUMBER = re.compile(r"/(\d{1,12})\.\w{1,5}$", re.ASCII)
_LINE_BREAK = re.compile("\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
# Remains of other encodings.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")


class GoodreadsBooks(Adapter):
    """Kaggle "Goodreads' Best Books Ever", one row of book_data.csv per edition."""

    type = ItemType.BOOK
    name = "book"
    source = SourceFile(
        "book_data.csv",
        Format.CSV,
        ("book_title", "book_desc", "book_rating", "book_rating_count", "genres", "image_url"),
    )

    def item(self, row: Row) -> Item | Skipped:
        image_number = _IMAGE_NUMBER.search(row["image_url"].strip())
        if image_number is None:  # titles repeat, and the ISBNs were damaged by a spreadsheet
            return Skipped("no image link, so no stable id")
        name = one_line(row["book_title"])
        if not name:
            return Skipped("no name")
        return Item(
            source_id=image_number[1],
            name=name,
            category=unique(row["genres"].split("|")),  # the source repeats genres within a row
            rating=_rating(row),
            description=_paragraphs(row["book_desc"]),
            image_url=link(row["image_url"]),
            votes=votes(row["book_rating_count"].strip()),
        )


def _rating(row: Row) -> float | None:
    stars = number(row["book_rating"].strip())
    if not stars or stars > 5 or row["book_rating_count"].strip() == "0":
        return None
    return round(stars * 2, 2)  # from five stars to ten


def _paragraphs(text: str) -> str | None:
    return _CONTROL.sub("", _LINE_BREAK.sub("\n", text)).strip() or None


ADAPTER = GoodreadsBooks()
