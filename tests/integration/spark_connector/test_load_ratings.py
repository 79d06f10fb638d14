"""scripts/load.sh ratings: checks rows, counts invalid rows by reason, and stores the ratings."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.loader import ratings
from services.spark_connector.training.ratings import COLUMNS
from tests.conftest import ROOT
from tests.integration.catalog.servers import Server
from tests.integration.spark_connector.storage_emulator import Storage

HEADER = ",".join(COLUMNS)
NO_MONGODB = "mongodb://127.0.0.1:1/?directConnection=true&serverSelectionTimeoutMS=100"


@dataclass(frozen=True)
class Ended:
    exit_code: int
    out: str
    err: str


Load = Callable[..., Ended]


@pytest.fixture
def load(
    tmp_path: Path, mongod: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Load]:
    """Loads lines, or a file, as ratings of books, in this process."""
    for name, value in environment(tmp_path, mongod).items():
        monkeypatch.setenv(name, value)

    def run(*lines: str, file: Path | None = None) -> Ended:
        if file is None:
            file = tmp_path / "file.csv"
            file.write_text("".join(f"{line}\n" for line in lines))
        exit_code = ratings.main(["book", str(file)])
        return Ended(exit_code, *capsys.readouterr())

    handler = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, handler)


def environment(folder: Path, mongod: Server) -> dict[str, str]:
    return {"SEEN_RATINGS": str(folder / "ratings"), "SEEN_MONGO_URIS": mongod.uri}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-P", "-m", "scripts.loader", "ratings", *map(str, arguments)]


def stored(folder: Path) -> list[str]:
    return (folder / "ratings" / "BOOK.csv").read_text().splitlines()


def test_each_rating_is_stored(load: Load, tmp_path: Path) -> None:
    done = load(HEADER, "1,2657,10,", "ana,1885,7.5,1365029107", "rui,1885,3,2013-04-03T22:45:07Z")
    assert done.exit_code == 0, done.err
    assert stored(tmp_path) == [HEADER, "1,2657,10,", "ana,1885,7.5,1365029107", "rui,1885,3,1365029107"]
    assert "3  of 3 people on 2 items" in done.out


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",2657,10,", "no person"),
        ("1,,10,", "no source_id"),
        ("1,2657,,", "rating: not a number above 0 and up to 10"),
        ("1,2657,eleven,", "rating: not a number above 0 and up to 10"),
        ("1,2657,0,", "rating: not a number above 0 and up to 10"),
        ("1,2657,11,", "rating: not a number above 0 and up to 10"),
        ("1,2657,nan,", "rating: not a number above 0 and up to 10"),
        ("1,2657,10,yesterday", "rated_at: neither empty, nor seconds since 1970"),
        ("1,2657,10,-5", "rated_at: neither empty, nor seconds since 1970"),
        ("1,2657,10,1e300", "rated_at: neither empty, nor seconds since 1970"),
        ("1,2657", "wrong number of columns"),
        (f"{'x' * 101},2657,10,", "no person, or one of more than 100 characters"),
    ],
)
def test_an_invalid_row_is_counted_by_its_reason(load: Load, tmp_path: Path, line: str, reason: str) -> None:
    done = load(HEADER, "1,2657,10,", line)
    assert done.exit_code == 0, done.err
    assert stored(tmp_path) == [HEADER, "1,2657,10,"]
    assert f"1  {reason}" in done.out


def test_ratings_of_unknown_items_are_counted_and_kept(load: Load, tmp_path: Path) -> None:
    done = load(HEADER, "1,unknown,10,", "2,unknown,4,", "2,other,4,")
    assert done.exit_code == 0, done.err
    assert "3  unknown item: used once the dataset has it (2 items)" in done.out
    assert len(stored(tmp_path)) == 4


def test_without_mongodb_the_items_are_not_checked(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEN_MONGO_URIS", NO_MONGODB)
    done = load(HEADER, "1,2657,10,")
    assert done.exit_code == 0, done.err
    assert "MongoDB does not answer, so it is unknown whether the dataset has these items" in done.out


def test_loading_replaces_earlier_ratings(load: Load, tmp_path: Path) -> None:
    load(HEADER, "1,2657,10,")
    load(HEADER, "2,2657,9,")
    assert stored(tmp_path) == [HEADER, "2,2657,9,"]


def test_a_file_without_rows_removes_earlier_ratings(load: Load, tmp_path: Path) -> None:
    load(HEADER, "1,2657,10,")
    done = load(HEADER)
    assert done.exit_code == 0, done.err
    assert list((tmp_path / "ratings").iterdir()) == []


def test_columns_may_be_in_any_order_and_others_are_ignored(load: Load, tmp_path: Path) -> None:
    load("rated_at,comment,rating,source_id,person", ",good,8,2657,1")
    assert stored(tmp_path) == [HEADER, "1,2657,8,"]


def test_a_gzip_file_is_unpacked(load: Load, tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv.gz"
    file.write_bytes(gzip.compress(f"{HEADER}\n1,2657,8,\n".encode()))
    assert load(file=file).exit_code == 0
    assert stored(tmp_path) == [HEADER, "1,2657,8,"]


def test_somebody_with_100_000_equal_ratings_is_loaded(load: Load, tmp_path: Path) -> None:
    done = load(HEADER, *(f"1,{number},7," for number in range(100_000)))
    assert done.exit_code == 0, done.err
    assert "100,000  of 1 people on 100,000 items" in done.out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "its first line must be person,source_id,rating,rated_at; it lacks person, source_id, rating, rated_at"),
        (b"person,source_id,rating\n1,2,3\n", "it lacks rated_at"),
        (b"\x1f\x8bdamaged", "cannot be unpacked"),
        (b"\x00\xff\xfe" * 1000, "its first line must be"),
        (f"{HEADER}\n,,,\nx,y,z,\n".encode(), "no row is a rating"),
    ],
)
def test_a_wrong_file_changes_nothing(load: Load, tmp_path: Path, content: bytes, message: str) -> None:
    load(HEADER, "1,2657,10,")
    file = tmp_path / "wrong.csv"
    file.write_bytes(content)
    done = load(file=file)
    assert done.exit_code in (1, 2), done.err
    assert message in done.err
    assert stored(tmp_path) == [HEADER, "1,2657,10,"]


def test_a_missing_file_is_named(load: Load, tmp_path: Path) -> None:
    done = load(file=tmp_path / "missing.csv")
    assert (done.exit_code, "missing.csv: no such file" in done.err) == (2, True)


def test_a_folder_that_cannot_be_written_is_an_error(load: Load, tmp_path: Path) -> None:
    (tmp_path / "ratings").write_text("a file, not a folder")
    done = load(HEADER, "1,2657,10,")
    assert done.exit_code == 1
    assert "cannot be read or written" in done.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_load_changes_nothing(tmp_path: Path, mongod: Server, number: signal.Signals) -> None:
    file = tmp_path / "file.csv"
    file.write_text(f"{HEADER}\n" + "".join(f"{row},2657,7,\n" for row in range(600_000)))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    variables = os.environ | environment(tmp_path, mongod) | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    process = subprocess.Popen(command("book", file), env=variables, stderr=subprocess.PIPE, text=True)
    while not list(temporary.glob("*/ratings.csv")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "interrupted" in errors) == (130, True), errors
    assert not (tmp_path / "ratings").exists()
    assert list(temporary.iterdir()) == []


def test_the_help_shows_the_columns_and_the_exit_codes() -> None:
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command("--help"), env=variables, capture_output=True, text=True, check=True, timeout=60)
    assert HEADER in done.stdout
    assert "exit codes" in done.stdout


def test_ratings_are_stored_in_a_bucket(
    load: Load, emulator: Storage, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{emulator.port}")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "seen")
    monkeypatch.setenv("SEEN_RATINGS", f"gs://{bucket}/ratings")
    done = load(HEADER, "1,2657,10,")
    assert done.exit_code == 0, done.err
    content = emulator.client().bucket(bucket).blob("ratings/BOOK.csv").download_as_bytes()
    assert content.decode().splitlines() == [HEADER, "1,2657,10,"]
