"""Each dataset's adapter turns rows of its source into items."""

import io
from collections.abc import Iterator

import pytest

from services.anime.adapter import MyAnimeList
from services.book.adapter import GoodreadsBooks
from services.catalog import datasets
from services.catalog.adapter import Adapter, Row
from services.catalog.item import Item, Skipped, checked
from services.catalog.loader import tables
from services.imdb.adapter import ImdbTitles
from tests.conftest import ROOT

ADAPTERS = datasets.adapters()


def name_of(adapter: Adapter) -> str:
    return adapter.name


def sample_rows(adapter: Adapter) -> Iterator[Row | Skipped]:
    content = (ROOT / "services" / adapter.name / "sample" / adapter.source.name).read_bytes()
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    columns = tables.read_header(text, adapter.source.format)
    return tables.read_rows(text, adapter.source.format, columns)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=name_of)
def test_every_sample_row_becomes_an_item(adapter: Adapter) -> None:
    for row in sample_rows(adapter):
        assert not isinstance(row, Skipped), row
        item = adapter.item(row)
        assert isinstance(item, Item), (row, item)
        assert item.source_id
        assert item == checked(item)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=name_of)
@pytest.mark.parametrize("cell", ["", " ", "\\N", "nan", "inf", "-1", "1e400", "\x00", "\ufffd", "'" * 5000, "٣", "²"])
def test_an_adapter_never_raises(adapter: Adapter, cell: str) -> None:
    valid = next(row for row in sample_rows(adapter) if not isinstance(row, Skipped))
    for column in valid:
        assert isinstance(adapter.item({**valid, column: cell}), Item | Skipped)
    assert isinstance(adapter.item(dict.fromkeys(valid, cell)), Item | Skipped)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=name_of)
def test_each_type_has_one_dataset(adapter: Adapter) -> None:
    assert [other.name for other in ADAPTERS if other.type == adapter.type] == [adapter.name]


BOOK = {
    "book_title": "1984",
    "book_desc": "Freedom is slavery.",
    "book_rating": "4.17",
    "book_rating_count": "2500000",
    "genres": "Fiction|Classics|Fiction|Science Fiction",
    "image_url": "https://images.gr-assets.com/books/1348990566l/5470.jpg",
}


def book(**cells: str) -> Item | Skipped:
    return GoodreadsBooks().item(BOOK | cells)


def test_a_books_id_is_the_number_in_its_image_link() -> None:
    assert book() == Item(
        source_id="5470",
        name="1984",
        category=("Fiction", "Classics", "Science Fiction"),
        rating=8.34,
        description="Freedom is slavery.",
        image_url="https://images.gr-assets.com/books/1348990566l/5470.jpg",
        votes=2_500_000,
    )


@pytest.mark.parametrize("link", ["", "https://images.gr-assets.com/books/none.jpg", "nophoto/book/111x148"])
def test_a_book_without_a_number_is_skipped(link: str) -> None:
    assert book(image_url=link) == Skipped("no image link, so no stable id")


def test_a_book_without_a_name_is_skipped() -> None:
    assert book(book_title=" \u00a0 ") == Skipped("no name")


@pytest.mark.parametrize("cells", [{"book_rating": "0"}, {"book_rating": ""}, {"book_rating_count": "0"}])
def test_an_unrated_book_has_no_rating(cells: dict[str, str]) -> None:
    item = book(**cells)
    assert isinstance(item, Item)
    assert item.rating is None


@pytest.mark.parametrize("count", ["0", "", "unknown", "1.5", "-3", "1" * 13])
def test_an_unknown_number_of_votes_is_missing(count: str) -> None:
    for item in (book(book_rating_count=count), anime(members=count), show(numVotes=count)):
        assert isinstance(item, Item)
        assert item.votes is None


def test_a_books_genres_may_be_missing() -> None:
    item = book(genres="")
    assert isinstance(item, Item)
    assert item.category == ()


def test_line_breaks_in_a_description_become_newlines() -> None:
    item = book(book_desc=" one\r\ntwo\rthree\u2028four\x85five\x93 ")
    assert isinstance(item, Item)
    assert item.description == "one\ntwo\nthree\nfour\nfive"


@pytest.mark.parametrize(
    ("title", "name"),
    [("No\u00a0break", "No break"), ("The \ufffd", "The \ufffd"), ("هزار و یک شب", "هزار و یک شب"), ('"Q"', '"Q"')],
)
def test_titles_of_any_script_are_kept(title: str, name: str) -> None:
    item = book(book_title=title)
    assert isinstance(item, Item)
    assert item.name == name


ANIME = {
    "anime_id": "2787",
    "title": "Shakugan no Shana II (Second)",
    "title_english": "Shakugan no Shana: Season II",
    "image_url": "https://myanimelist.cdn-dena.com/images/anime/10/18669.jpg",
    "type": "TV",
    "rating": "PG-13 - Teens 13 or older",
    "score": "7.72",
    "aired": "{'from': '2007-10-05', 'to': '2008-03-28'}",
    "members": "281365",
    "genre": "Action, Drama, Fantasy, Romance, School, Supernatural",
}


def anime(**cells: str) -> Item | Skipped:
    return MyAnimeList().item(ANIME | cells)


def test_an_anime_has_its_english_title() -> None:
    assert anime() == Item(
        source_id="2787",
        name="Shakugan no Shana: Season II",
        category=("Action", "Drama", "Fantasy", "Romance", "School", "Supernatural"),
        rating=7.72,
        image_url="https://myanimelist.cdn-dena.com/images/anime/10/18669.jpg",
        kind="TV",
        year=2007,
        votes=281_365,
    )


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        ({"title_english": "", "title": "001"}, "001"),
        ({"title_english": " ", "title": "Working&#039;!!"}, "Working'!!"),
        ({"title_english": "Magical Sisters Yoyo & Nene"}, "Magical Sisters Yoyo & Nene"),
        ({"title_english": "A &amp;#039; B &copy C"}, "A &#039; B &copy C"),  # only entities that end in a semicolon
    ],
)
def test_html_entities_are_unescaped_once(cells: dict[str, str], name: str) -> None:
    item = anime(**cells)
    assert isinstance(item, Item)
    assert item.name == name


@pytest.mark.parametrize("score", ["0", "0.0", "", "None"])
def test_an_unrated_anime_has_no_rating(score: str) -> None:
    item = anime(score=score)
    assert isinstance(item, Item)
    assert item.rating is None


@pytest.mark.parametrize("cells", [{"rating": "Rx - Hentai"}, {"genre": "Comedy, Hentai"}])
def test_hentai_is_adult(cells: dict[str, str]) -> None:
    item = anime(**cells)
    assert isinstance(item, Item)
    assert item.adult


def test_empty_cells_of_an_anime_give_no_values() -> None:
    item = anime(genre="", image_url="", aired="{'from': None, 'to': None}", score="0", type="Unknown", members="0")
    assert item == Item(source_id="2787", name="Shakugan no Shana: Season II", kind="Unknown")


@pytest.mark.parametrize("anime_id", ["", "abc", "1.0", "-1"])
def test_an_anime_without_a_number_is_skipped(anime_id: str) -> None:
    assert anime(anime_id=anime_id) == Skipped("no MyAnimeList id")


SHOW = {
    "tconst": "tt0000012",
    "titleType": "short",
    "primaryTitle": "The Arrival of a Train",
    "isAdult": "0",
    "startYear": "1896",
    "genres": "Documentary,Short",
    "averageRating": "7.4",
    "numVotes": "13500",
}


def show(**cells: str) -> Item | Skipped:
    return ImdbTitles().item(SHOW | cells)


def test_an_imdb_title_has_the_rating_of_the_joined_file() -> None:
    assert show() == Item(
        source_id="tt0000012",
        name="The Arrival of a Train",
        category=("Documentary", "Short"),
        rating=7.4,
        kind="short",
        year=1896,
        votes=13_500,
    )


def test_empty_cells_of_an_imdb_title_give_no_values() -> None:
    item = show(averageRating="", numVotes="", startYear="\\N", genres="\\N", titleType="\\N")
    assert item == Item(source_id="tt0000012", name="The Arrival of a Train")


@pytest.mark.parametrize("title", ["None", "Unknown", '"Giliap"', "Dept. of \"Odd'ities"])
def test_titles_that_look_like_missing_values_are_kept(title: str) -> None:
    item = show(primaryTitle=title)
    assert isinstance(item, Item)
    assert item.name == title


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"primaryTitle": "\\N"}, "no name"),
        ({"tconst": "nm0000012"}, "no IMDb id"),
        ({"isAdult": "2019"}, "isAdult is neither 0 nor 1"),
    ],
)
def test_an_invalid_imdb_row_is_skipped(cells: dict[str, str], reason: str) -> None:
    assert show(**cells) == Skipped(reason)


@pytest.mark.parametrize("cells", [{"isAdult": "1"}, {"genres": "Adult,Drama"}])
def test_adult_titles_of_imdb_are_adult(cells: dict[str, str]) -> None:
    item = show(**cells)
    assert isinstance(item, Item)
    assert item.adult


def test_future_years_and_long_ids_are_accepted() -> None:
    item = show(startYear="2115", tconst="tt12345678", titleType="tvEpisode")
    assert isinstance(item, Item)
    assert (item.year, item.source_id, item.kind) == (2115, "tt12345678", "tvEpisode")
