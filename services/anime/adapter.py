"""MyAnimeList anime."""

import re

from seen.v1.types_pb2 import ItemType
from services.catalog.adapter import (
    Adapter,
    Format,
    Row,
    SourceFile,
    link,
    number,
    one_line,
    unescape_once,
    unique,
    votes,
)
from services.catalog.item import Item, Skipped

_ID = re.compile(r"[1-9]\d{0,11}", re.ASCII)
# The column contains a Python literal: {'from': '2012-01-13', 'to': None}
_FIRST_AIRED = re.compile(r"'from': '(\d{4})-", re.ASCII)


class MyAnimeList(Adapter):
    """Kaggle "MyAnimeList Dataset" (azathoth42), one row of AnimeList.csv per anime."""

    type = ItemType.ANIME
    name = "anime"
    source = SourceFile(
        "AnimeList.csv",
        Format.CSV,
        ("anime_id", "title", "title_english", "image_url", "type", "rating", "score", "aired", "members", "genre"),
    )

    def item(self, row: Row) -> Item | Skipped:
        source_id = row["anime_id"].strip()
        if not _ID.fullmatch(source_id):
            return Skipped("no MyAnimeList id")
        name = _title(row["title_english"]) or _title(row["title"])
        if not name:
            return Skipped("no name")
        category = unique(row["genre"].split(","))
        first_aired = _FIRST_AIRED.search(row["aired"])
        return Item(
            source_id=source_id,
            name=name,
            category=category,
            rating=_rating(row["score"]),
            image_url=link(row["image_url"]),
            kind=one_line(row["type"]) or None,
            year=int(first_aired[1]) if first_aired else None,
            # Not `scored_by`, which is 0 for several hundred rated titles.
            votes=votes(row["members"].strip()),
            # The source calls the age certificate "rating".
            adult=row["rating"].startswith("Rx") or "Hentai" in category,
        )


def _title(text: str) -> str:
    return one_line(unescape_once(text))


def _rating(score: str) -> float | None:
    rating = number(score.strip())
    return rating if rating and rating <= 10 else None  # 0 means unrated


ADAPTER = MyAnimeList()
