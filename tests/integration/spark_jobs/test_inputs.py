"""The forms of IMDb's files, and damaged files."""

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest

from spark_jobs.duckdb_engine import DuckDBEngine
from spark_jobs.views import IMDB_VIEWS
from tests import oracle
from tests.integration.spark_jobs import random_imdb
from tests.integration.spark_jobs.conftest import RunJob, Start, open_files
from tests.integration.spark_jobs.random_imdb import Imdb
from tests.integration.spark_jobs.test_best_director import check, films

IMDB: Imdb = {
    **films(("tt0000001", "8.0", "10000", "nm0000001,nm0000002"), ("tt0000002", "9.0", "20000", "nm0000001")),
    "title.principals": [
        ("tt0000001", "1", "nm0000001", "self", r"\N", '"[""Self""]"'),
        ("tt0000001", "2", "nm0000002", "actor", r"\N", '"'),
        ("tt0000002", "1", "nm0000003", "actor", '"', r"\N"),
        ("tt0000002", "2", "nm0000001", "actor", r"\N", r"\N"),
    ],
    "name.basics": [
        ("nm0000001", '"Weird" Al', r"\N", r"\N", "actor", r"\N"),
        ("nm0000002", '"Unbalanced', "1950", r"\N", "actor", r"\N"),
    ],
}


def rows(start: Start, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each view over the files of a folder."""
    with start() as engine:
        open_files(engine, str(folder), IMDB_VIEWS)
        return {name: sorted(engine.rows(f"SELECT * FROM {name}"), key=repr) for name in IMDB_VIEWS}


def check_rows(start: Start, folder: Path) -> None:
    """Compares the views over the files of a folder with those that DuckDB has over the plain files."""
    with TemporaryDirectory() as plain:
        assert rows(start, folder) == rows(DuckDBEngine.start, random_imdb.write(Path(plain), IMDB))


def test_quotes_in_plain_text_have_no_meaning(run_job: RunJob, tmp_path: Path) -> None:
    folder = random_imdb.write(tmp_path / "imdb", IMDB)
    director = run_job("best_director", folder, "--min-films=1")["answer"]
    assert director["winner"]["person"]["name"] == '"Weird" Al'
    assert (director["winner"]["films"], director["winner"]["averageRating"]) == (2, 8.5)
    assert director["leftOut"] == {"unreadableLines": 0, "peopleWithoutName": 0}
    connected = run_job("most_connected", folder)["answer"]
    assert (connected["winner"]["person"]["id"], connected["winner"]["coworkers"]) == ("nm0000001", 2)
    assert connected["leftOut"] == {"unreadableLines": 0, "peopleWithoutName": 1}
    check(director, folder, 1, 10_000)


def test_plain_files_have_a_row_for_each_line(start: Start, tmp_path: Path) -> None:
    folder = random_imdb.write(tmp_path / "imdb", IMDB)
    numbers = {name: len(read) for name, read in rows(start, folder).items()}
    assert numbers == {name: len(IMDB[view.file]) for name, view in IMDB_VIEWS.items()}
    check_rows(start, folder)


def test_lines_may_end_in_cr_lf(start: Start, tmp_path: Path) -> None:
    check_rows(start, random_imdb.write(tmp_path / "imdb", IMDB, end="\r\n"))


def test_files_may_be_gzipped(start: Start, tmp_path: Path) -> None:
    folder = random_imdb.write(tmp_path / "imdb", IMDB)
    for path in folder.glob("*.tsv"):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    check_rows(start, folder)


@pytest.mark.parametrize("all_text", [True, False], ids=["all text", "numbers where there are numbers"])
def test_files_may_be_parquet(start: Start, tmp_path: Path, all_text: bool) -> None:
    folder = random_imdb.write(tmp_path / "imdb", IMDB)
    for path in folder.glob("*.tsv"):
        text = f"read_csv('{path}', delim='\t', quote='', escape='', header=true, all_varchar={all_text}"
        null = "" if all_text else r", nullstr='\N'"
        duckdb.sql(f"COPY (FROM {text}{null})) TO '{path.with_suffix('.parquet')}'")
        path.unlink()
    check_rows(start, folder)


def test_files_may_have_additional_columns(start: Start, tmp_path: Path) -> None:
    folder = random_imdb.write(tmp_path / "imdb", IMDB)
    for path in folder.glob("*.tsv"):
        path.write_text("".join(f"{line}\tnew\n" for line in path.read_text().splitlines()))
    check_rows(start, folder)


def test_files_may_be_empty(start: Start, tmp_path: Path) -> None:
    folder = random_imdb.write(tmp_path / "imdb", {})
    for path in folder.iterdir():
        path.write_bytes(b"")
    assert rows(start, folder) == {name: [] for name in IMDB_VIEWS}


def test_a_file_may_be_outside_the_folder(run_duckdb_job: RunJob, tmp_path: Path) -> None:
    folder = random_imdb.write(tmp_path / "imdb", IMDB)
    names = (folder / "name.basics.tsv").rename(tmp_path / "people's names.tsv")
    answer = run_duckdb_job("most_connected", folder, f"--names={names}")["answer"]
    assert answer["winner"]["person"]["name"] == '"Weird" Al'


def test_cut_lines_are_ignored_and_counted(run_job: RunJob, tmp_path: Path) -> None:
    after = {
        "title.principals": ["", "tt0000001\t3\tnm00000", "garbage", "\t\t\t\t\t", "tt0000001\t3\tnm0000\u00e5"],
        "name.basics": ["nm0000003\tAn"],
    }
    folder = random_imdb.write(tmp_path / "imdb", IMDB, after)
    principals = folder / "title.principals.tsv"
    principals.write_bytes(principals.read_bytes()[:-1])  # cut in the middle of a character
    result = run_job("most_connected", folder)
    assert result["answer"]["winner"]["coworkers"] == 2
    assert result["inputs"]["principals"] == {"path": str(principals), "lines": 8, "unreadable": 4}
    assert oracle.principals(folder).unreadable == 4
    assert result["answer"]["leftOut"] == {"unreadableLines": 5, "peopleWithoutName": 1}


def test_a_line_cut_after_the_last_needed_column_is_readable(start: Start, tmp_path: Path) -> None:
    folder = random_imdb.write(tmp_path / "imdb", IMDB, {"title.principals": ["tt0000001\t3\tnm0000003\tac"]})
    with start() as engine:
        open_files(engine, str(folder), ["principals"])
        assert (1, 3) in engine.rows("SELECT title, person FROM principals")
        assert engine.line_counts()["principals"].unreadable == 0


def test_files_without_lines_have_no_winner(run_job: RunJob, tmp_path: Path) -> None:
    folder = random_imdb.write(tmp_path / "imdb", {})
    for job, read in (("best_director", {"basics", "ratings", "crew"}), ("most_connected", {"principals"})):
        result = run_job(job, folder)
        assert (result["answer"]["winner"], result["answer"]["runnersUp"]) == (None, [])
        assert {name: file["lines"] for name, file in result["inputs"].items()} == dict.fromkeys(read, 0)


def test_a_missing_file_is_named(run_duckdb_job: RunJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = random_imdb.write(tmp_path / "imdb", IMDB)
    (folder / "title.crew.tsv").unlink()
    with pytest.raises(SystemExit):
        run_duckdb_job("best_director", folder)
    assert "there is no title.crew.tsv, title.crew.tsv.gz or title.crew.parquet in" in capsys.readouterr().out


def test_a_file_with_other_content_is_refused(
    run_duckdb_job: RunJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = random_imdb.write(tmp_path / "imdb", IMDB)
    (folder / "title.principals.tsv").write_text("year,title\n" * 200)
    with pytest.raises(SystemExit):
        run_duckdb_job("most_connected", folder)
    assert "200 of 200 lines cannot be read as title.principals" in capsys.readouterr().out
