"""What the loader's command line imports, with real MongoDB servers."""

import gzip
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.catalog import datasets
from services.catalog.adapter import Adapter, published_files
from services.catalog.loader import job, tables
from services.catalog.store.positions import theme_list
from tests.conftest import ROOT
from tests.integration.catalog.lists import Shards, assert_no_holes
from tests.integration.catalog.loading import BASICS, Loader, documents, title, titles
from tests.integration.catalog.servers import Server


def sample_files(adapter: Adapter) -> list[Path]:
    return [ROOT / "services" / adapter.name / "sample" / file.name for file in published_files(adapter)]


@pytest.mark.parametrize("adapter", datasets.adapters(), ids=lambda adapter: adapter.name)
def test_loading_the_sample_again_changes_nothing(adapter: Adapter, load: Loader, shards: Shards) -> None:
    added, *others = load(adapter.name, *sample_files(adapter)).counts()
    assert added >= 100
    assert others == [0, 0, 0]
    before = documents(shards, adapter.name)
    assert load(adapter.name, *sample_files(adapter)).counts() == (0, 0, added, 0)
    assert documents(shards, adapter.name) == before
    assert_no_holes(shards, adapter.name)


def test_items_are_spread_evenly_over_the_shards(load: Loader, shards: Shards, tmp_path: Path) -> None:
    load("imdb", *titles(tmp_path, *map(title, range(1, 101))), "--batch-size", 7).counts()
    assert [shard["imdb"].count_documents({}) for shard in shards] == [50, 50]
    assert_no_holes(shards, "imdb")


def test_changed_items_keep_their_ids(load: Loader, shards: Shards, tmp_path: Path) -> None:
    first = [title(1), title(2, genres="Drama,War"), title(3, genres="War"), title(4), title(5, genres="\\N")]
    load("imdb", *titles(tmp_path, *first, ratings="tt0000001\t5.5\t10\ntt0000004\t6\t10\n")).counts()
    before = documents(shards, "imdb")
    second = [
        title(1, name="New name"),
        title(2, genres="Comedy,Drama"),
        title(3, genres="Drama,War,Crime"),
        title(4),
        title(5, genres="\\N"),
        title(6, genres="War"),
    ]
    outcome = load("imdb", *titles(tmp_path, *second, ratings="tt0000001\t7.5\t10\n"))
    assert outcome.counts() == (1, 4, 1, 0)
    after = documents(shards, "imdb")
    assert {source_id: after[source_id]["_id"] for source_id in before} == {
        source_id: document["_id"] for source_id, document in before.items()
    }
    assert (after["tt0000001"]["name"], after["tt0000001"]["rating"]) == ("New name", 7.5)
    assert after["tt0000001"]["words"] == ["new", "name"]
    assert after["tt0000002"]["category"] == ["Comedy", "Drama"]
    assert "rating" not in after["tt0000004"]
    assert_no_holes(shards, "imdb")
    assert load("imdb", *titles(tmp_path, *second, ratings="tt0000001\t7.5\t10\n")).counts() == (0, 0, 6, 0)


def test_loading_again_adds_votes_and_themes_to_items_of_the_previous_release(
    load: Loader, shards: Shards, tmp_path: Path
) -> None:
    files = titles(tmp_path, title(1), title(2, genres="News"), ratings="tt0000001\t5.5\t3123456\n")
    load("imdb", *files).counts()
    complete = documents(shards, "imdb")
    for shard in shards:
        shard["imdb"].update_many({}, {"$unset": {"votes": 1}, "$pull": {"places": {"c": {"$regex": "^\t"}}}})
        shard["imdb_counts"].delete_many({"_id": {"$regex": "^\t"}})
    assert load("imdb", *files).counts() == (0, 2, 0, 0)
    assert complete == documents(shards, "imdb")
    assert complete["tt0000001"]["votes"] == 3_123_456
    assert [place["c"] for place in complete["tt0000002"]["places"]] == ["", "News", theme_list("Documentary")]
    assert_no_holes(shards, "imdb")


def test_skipped_rows_are_counted_by_reason(load: Loader, shards: Shards, tmp_path: Path) -> None:
    files = titles(
        tmp_path,
        title(1),
        title(1, name="again"),
        title(2, name="\\N"),
        title(3, name="nul\x00"),
        title(4, adult=1),
        title(5, genres="Adult,Drama"),
        "tt0000006\tmovie\tcut\n",
        title(7, name="a" * 501),
        title(8, name="caf\u00e9"),
        "nm0000009" + title(9)[9:],
        ratings="tt0000001\t5.5\t10\ntt0000001x\n\ntt0000099\t5\t5\ntt0000008\t0\t0\ntt00000",
    )
    content = files[0].read_bytes().replace("caf\u00e9".encode(), "caf\u00e9".encode("latin-1"))
    files[0].write_bytes(content + title(10)[:-9].encode())
    outcome = load("imdb", *files)
    assert outcome.counts() == (1, 0, 0, 10)
    for reason, count in {
        "same id as an earlier row": 1,
        "no name": 1,
        "invalid name": 2,
        "adult title": 2,
        "not UTF-8": 1,
        "no IMDb id": 1,
        tables.INCOMPLETE.reason: 1,
    }.items():
        assert outcome.skipped_for(reason) == count, (reason, outcome.output)
    assert "title.ratings.tsv: 5 rows read, 1 joined, 1 without an item" in outcome.output
    assert [document["name"] for document in documents(shards, "imdb").values()] == ["Title 1"]


def test_adult_titles_are_loaded_only_with_include_adult(load: Loader, tmp_path: Path) -> None:
    files = titles(tmp_path, title(1), title(2, adult=1))
    assert load("imdb", *files).counts() == (1, 0, 0, 1)
    assert load("imdb", "--include-adult", *files).counts() == (1, 0, 1, 0)


def test_gzip_and_zip_files_are_read(load: Loader, tmp_path: Path) -> None:
    basics, ratings = titles(tmp_path, title(1), title(2), ratings="tt0000001\t5.5\t10\n")
    packed = tmp_path / "title.basics.tsv.gz"
    packed.write_bytes(gzip.compress(basics.read_bytes()))
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(ratings, "imdb/title.ratings.tsv")
        file.writestr("imdb/README.md", "about the data")
        file.writestr("__MACOSX/imdb/._title.ratings.tsv", ratings.read_bytes())
    assert load("imdb", packed, archive).counts() == (2, 0, 0, 0)
    with zipfile.ZipFile(archive, "a") as file:
        file.write(basics, "imdb/title.basics.tsv")
        file.writestr("imdb/part.tsv", BASICS + title(3))  # an extract with another name
    assert load("imdb", archive).counts() == (0, 0, 2, 0)


def wrong_inputs(folder: Path) -> Iterator[tuple[str, list[Path], str]]:
    files = titles(folder, title(1))
    books = ROOT / "services" / "book" / "sample" / "book_data.csv"
    yield "imdb", [*files, books], "looks like book_data.csv of the book dataset"
    yield "book", [books, files[0]], "looks like title.basics.tsv of the imdb dataset; expected book_data.csv with"
    yield "imdb", files[:1], "title.ratings.tsv is missing"
    yield "imdb", files[1:], "title.basics.tsv is missing"
    yield "book", [books, folder / "none.csv"], "none.csv: no such file"
    yield "book", [folder], f"{folder}: not a file"
    for name, content in {
        "empty.csv": b"",
        "noise.csv": bytes(range(256)) * 5000,
        "utf16.csv": books.read_text().encode("utf-16"),
        "damaged.csv.gz": gzip.compress(books.read_bytes())[:5] + b"x" * 100,
        "short.csv.gz": gzip.compress(books.read_bytes())[:5],
        "damaged.zip": b"PK\x03\x04" + b"x" * 100,
    }.items():
        (folder / name).write_bytes(content)
        yield "book", [books, folder / name], str(folder / name)


def test_a_wrong_file_is_refused_before_anything_is_written(load: Loader, shards: Shards, tmp_path: Path) -> None:
    for dataset, files, message in wrong_inputs(tmp_path):
        outcome = load(dataset, *files)
        assert outcome.exit_code == 2, (files, outcome.output, outcome.errors)
        assert message in outcome.errors
        assert len(outcome.errors.splitlines()) == 1
        assert outcome.output == ""
    assert [shard.list_collection_names() for shard in shards] == [[], []]


def test_the_readable_part_of_an_incomplete_gzip_file_is_loaded(load: Loader, shards: Shards, tmp_path: Path) -> None:
    basics, ratings = titles(tmp_path, *(title(number, name=os.urandom(20).hex()) for number in range(1, 3001)))
    packed = tmp_path / "title.basics.tsv.gz"
    packed.write_bytes(gzip.compress(basics.read_bytes())[:-2000])
    outcome = load("imdb", packed, ratings, "--batch-size", 100)
    assert outcome.exit_code == 1
    assert "cannot be unpacked" in outcome.errors
    assert outcome.count("added") == len(documents(shards, "imdb")) > 1000
    assert_no_holes(shards, "imdb")
    outcome = load("imdb", basics, ratings)
    assert outcome.count("added") + outcome.count("unchanged") == 3000


@pytest.mark.parametrize(
    "rest", [["imdb"], ["music", "x"], ["book", "x", "--batch-size", "0"], ["book", "x", "--batch-size", "100001"]]
)
def test_a_wrong_command_prints_the_usage(load: Loader, rest: list[str]) -> None:
    outcome = load(*rest)
    assert outcome.exit_code == 2
    assert "usage: python -m services.catalog.loader" in outcome.errors


def test_a_server_that_is_down_stops_the_load(
    load: Loader, servers: list[Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stopped = Server(tmp_path)
    monkeypatch.setattr(servers[1], "uri", stopped.uri)
    monkeypatch.setattr(job, "SERVER_SELECTION_S", 0.2)
    outcome = load("imdb", *titles(tmp_path, title(1)))
    assert outcome.exit_code == 1
    assert "imdb: the imdb dataset's shard 2 does not answer" in outcome.errors


def test_a_server_that_is_still_starting_is_awaited(
    load: Loader, servers: list[Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    starting = Server(tmp_path)
    monkeypatch.setattr(servers[1], "uri", starting.uri)
    monkeypatch.setattr(job, "SERVER_SELECTION_S", 60.0)
    starting.start()
    try:
        assert load("imdb", *titles(tmp_path, title(1))).counts() == (1, 0, 0, 0)
    finally:
        starting.kill()


def test_load_sh_has_a_help_text() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "load.sh", "--help"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--include-adult" in done.stdout
