"""The complete published files, skipped if they are not next to the checkout.

tests/end_to_end/test_real_data.py loads them into MongoDB.
"""

from pathlib import Path

from services.anime.adapter import ADAPTER as ANIME
from services.book.adapter import ADAPTER as BOOKS
from services.catalog.adapter import Adapter
from services.catalog.item import Item
from services.catalog.loader.reader import Reader, identify
from services.catalog.loader.report import Report
from services.imdb.adapter import ADAPTER as TITLES


def read(adapter: Adapter, *paths: Path, include_adult: bool = False) -> tuple[dict[str | None, Item], Report]:
    """The items by source id."""
    report = Report()
    reader = Reader(adapter, identify(adapter, paths), include_adult, report, progress=lambda *_: None)
    return {item.source_id: item for batch in reader.batches(5000) for item in batch}, report


def test_the_complete_book_file_is_read(shared_data: Path) -> None:
    items, report = read(BOOKS, shared_data / "goodreads" / "book_data.csv")
    assert (report.rows, len(items)) == (1998, 1997)
    assert report.skipped == {"no image link, so no stable id": 1}


def test_the_complete_anime_file_is_read(shared_data: Path) -> None:
    path = shared_data / "anime" / "AnimeList.csv"
    items, report = read(ANIME, path)
    assert (report.rows, len(items)) == (8904, 8182)
    assert report.skipped == {"adult title": 722}
    assert (items["2787"].name, items["2787"].rating) == ("Shakugan no Shana: Season II", 7.72)
    assert items["2787"].category == ("Action", "Drama", "Fantasy", "Romance", "School", "Supernatural")
    assert "9" in {item.name for item in items.values()}
    items, _ = read(ANIME, path, include_adult=True)
    assert len(items) == 8904


def test_the_imdb_files_are_read(shared_data: Path) -> None:
    items, report = read(TITLES, *(shared_data / "imdb" / name for name in ("title.basics.tsv", "title.ratings.tsv")))
    assert (report.rows, len(items), report.skipped.total()) == (49_999, 49_999, 0)
    assert report.joined["title.ratings.tsv"].used == 32_021
    assert (items["tt0000012"].rating, items["tt0000012"].kind) == (7.4, "short")
