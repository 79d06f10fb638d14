"""The forms that IMDb's files come in, and what happens to them on the way."""

import gzip
from pathlib import Path

import duckdb
import pytest

from tests import oracle
from tests.integration.spark_jobs import casts
from tests.integration.spark_jobs.conftest import Ask
from tests.integration.spark_jobs.test_best_director import check, films

IMDB: casts.Imdb = {
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


def is_answered(ask: Ask, folder: Path) -> None:
    """Both questions have the answers that the plain files have."""
    director = ask("best_director", folder, "--min-films=1")
    assert director["winner"]["person"]["name"] == '"Weird" Al'
    assert (director["winner"]["films"], director["winner"]["averageRating"]) == (2, 8.5)
    assert director["leftOut"] == {"unreadableLines": 0, "peopleWithoutName": []}
    connected = ask("most_connected", folder)
    assert (connected["winner"]["person"]["id"], connected["winner"]["coworkers"]) == ("nm0000001", 2)
    assert connected["leftOut"] == {"unreadableLines": 0, "peopleWithoutName": ["nm0000003"]}


def test_plain_text_with_quotes_that_mean_nothing(ask: Ask, tmp_path: Path) -> None:
    folder = casts.write(tmp_path / "imdb", IMDB)
    is_answered(ask, folder)
    check(ask("best_director", folder, "--min-films=1"), folder, 1, 10_000)


def test_lines_that_end_in_cr_lf(ask: Ask, tmp_path: Path) -> None:
    is_answered(ask, casts.write(tmp_path / "imdb", IMDB, end="\r\n"))


def test_gzip(ask: Ask, tmp_path: Path) -> None:
    folder = casts.write(tmp_path / "imdb", IMDB)
    for path in folder.glob("*.tsv"):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    is_answered(ask, folder)


@pytest.mark.parametrize("all_text", [True, False], ids=["all text", "numbers where there are numbers"])
def test_parquet(ask: Ask, tmp_path: Path, all_text: bool) -> None:
    folder = casts.write(tmp_path / "imdb", IMDB)
    for path in folder.glob("*.tsv"):
        text = f"read_csv('{path}', delim='\t', quote='', escape='', header=true, all_varchar={all_text}"
        null = "" if all_text else r", nullstr='\N'"
        duckdb.sql(f"COPY (FROM {text}{null})) TO '{path.with_suffix('.parquet')}'")
        path.unlink()
    is_answered(ask, folder)


def test_columns_that_imdb_may_add(ask: Ask, tmp_path: Path) -> None:
    folder = casts.write(tmp_path / "imdb", IMDB)
    for path in folder.glob("*.tsv"):
        path.write_text("".join(f"{line}\tnew\n" for line in path.read_text().splitlines()))
    is_answered(ask, folder)


def test_each_file_may_be_elsewhere(ask_duckdb: Ask, tmp_path: Path) -> None:
    folder = casts.write(tmp_path / "imdb", IMDB)
    names = (folder / "name.basics.tsv").rename(tmp_path / "people's names.tsv")
    assert ask_duckdb("most_connected", folder, f"--names={names}")["winner"]["person"]["name"] == '"Weird" Al'


def test_cut_lines_are_left_out_and_counted(ask: Ask, tmp_path: Path) -> None:
    after = {
        "title.principals": ["", "tt0000001\t3\tnm00000", "garbage", "\t\t\t\t\t", "tt0000001\t3\tnm0000\u00e5"],
        "name.basics": ["nm0000003\tAn"],
    }
    folder = casts.write(tmp_path / "imdb", IMDB, after)
    principals = folder / "title.principals.tsv"
    principals.write_bytes(principals.read_bytes()[:-1])  # cut in the middle of a character
    result = ask("most_connected", folder)
    assert result["winner"]["coworkers"] == 2
    assert result["inputs"]["principals"] == {"path": str(principals), "lines": 8, "unreadable": 4}
    assert oracle.principals(folder).unreadable == 4
    assert result["leftOut"] == {"unreadableLines": 5, "peopleWithoutName": ["nm0000003"]}


def test_a_line_cut_after_what_is_needed_counts(ask: Ask, tmp_path: Path) -> None:
    folder = casts.write(tmp_path / "imdb", IMDB, {"title.principals": ["tt0000001\t3\tnm0000003\tac"]})
    result = ask("most_connected", folder)
    assert result["runnersUp"][0]["coworkers"] == 2
    assert result["leftOut"]["unreadableLines"] == 0


@pytest.mark.parametrize("header", [True, False], ids=["only headers", "nothing at all"])
def test_empty_files(ask: Ask, tmp_path: Path, header: bool) -> None:
    folder = casts.write(tmp_path / "imdb", {})
    if not header:
        for path in folder.iterdir():
            path.write_bytes(b"")
    for job, read in (("best_director", {"basics", "ratings", "crew"}), ("most_connected", {"principals"})):
        result = ask(job, folder)
        assert (result["winner"], result["runnersUp"]) == (None, [])
        assert {name: file["lines"] for name, file in result["inputs"].items()} == dict.fromkeys(read, 0)


def test_a_missing_file_is_named(ask_duckdb: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = casts.write(tmp_path / "imdb", IMDB)
    (folder / "title.crew.tsv").unlink()
    with pytest.raises(SystemExit):
        ask_duckdb("best_director", folder)
    assert "there is no title.crew.tsv, title.crew.tsv.gz or title.crew.parquet in" in capsys.readouterr().out


def test_another_file_is_refused(ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = casts.write(tmp_path / "imdb", IMDB)
    (folder / "title.principals.tsv").write_text("year,title\n" * 200)
    with pytest.raises(SystemExit):
        ask("most_connected", folder)
    assert "200 of 200 lines cannot be read as title.principals of IMDb" in capsys.readouterr().out
