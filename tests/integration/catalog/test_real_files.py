"""The complete published files, skipped if they are not next to the checkout.

tests/end_to_end/test_real_data.py checks that loading them again changes nothing.
"""

from pathlib import Path

from services.anime.adapter import ADAPTER as ANIME
from services.book.adapter import ADAPTER as BOOKS
from services.catalog.adapter import Adapter
from services.catalog.loader.job import LoadJob
from services.catalog.loader.report import Report
from services.catalog.store.store import connect
from services.imdb.adapter import ADAPTER as TITLES


async def load(
    adapter: Adapter, paths: list[Path], uris: list[str], database: str, include_adult: bool = False
) -> Report:
    report = Report()
    await LoadJob(adapter, paths, uris, database, include_adult).run(report)
    return report


async def test_the_complete_book_file_is_loaded(shared_data: Path, two_uris: list[str], database: str) -> None:
    report = await load(BOOKS, [shared_data / "goodreads" / "book_data.csv"], two_uris[:1], database)
    assert (report.rows, report.added) == (1998, 1997)
    assert report.skipped == {"no image link, so no stable id": 1}


async def test_the_complete_anime_file_is_loaded(shared_data: Path, two_uris: list[str], database: str) -> None:
    path = shared_data / "anime" / "AnimeList.csv"
    report = await load(ANIME, [path], two_uris[:1], database)
    assert (report.rows, report.added) == (8904, 8182)
    assert report.skipped == {"adult title": 722}
    report = await load(ANIME, [path], two_uris[:1], database, include_adult=True)
    assert (report.added, report.unchanged) == (722, 8182)
    async with connect("anime", ANIME.type, two_uris[:1], database) as store:
        item = await store.get((await store.search("Shakugan no Shana: Season II", ""))[0].id)
        assert (item.source_id, item.rating) == ("2787", 7.72)
        assert item.category == ("Action", "Drama", "Fantasy", "Romance", "School", "Supernatural")
        assert (await store.search("9", ""))[0].name == "9"


async def test_the_imdb_files_are_loaded(shared_data: Path, two_uris: list[str], database: str) -> None:
    paths = [shared_data / "imdb" / name for name in ("title.basics.tsv", "title.ratings.tsv")]
    report = await load(TITLES, paths, two_uris, database)
    assert (report.rows, report.added, report.skipped.total()) == (49_999, 49_999, 0)
    assert report.joined["title.ratings.tsv"].used == 32_021
    async with connect("imdb", TITLES.type, two_uris, database) as store:
        assert await store.count("") == 49_999
        hits = await store.search("the arrival of a train", "")
        items = [await store.get(hit.id) for hit in hits]
        assert [(item.rating, item.kind) for item in items if item.source_id == "tt0000012"] == [(7.4, "short")]
        last, _ = await store.list_items("", 49_990, 100)
        assert len(last) == 9
