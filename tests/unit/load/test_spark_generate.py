"""Generated files have IMDb's form."""

import itertools
from pathlib import Path

import pytest

from load.benchmarks.spark import generate
from spark_jobs.imdb_files import COLUMNS

TITLES = 500


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imdb") / "files"
    generate.write_files(folder, TITLES)
    return folder


def rows(folder: Path, name: str) -> list[list[str]]:
    return [line.split("\t") for line in (folder / f"{name}.tsv").read_text().splitlines()]


@pytest.mark.parametrize("name", COLUMNS)
def test_each_line_has_the_columns_of_the_file(folder: Path, name: str) -> None:
    header, *lines = rows(folder, name)
    assert tuple(header) == COLUMNS[name]
    assert {len(line) for line in lines} == {len(header)}


def test_directors_are_the_first_principals_of_their_title(folder: Path) -> None:
    principals = itertools.groupby(rows(folder, "title.principals")[1:], key=lambda row: row[0])
    directing = {title: [row[2] for row in cast if row[3] == "director"] for title, cast in principals}
    crew = {
        title: [] if directors == generate.NULL else directors.split(",")
        for title, directors, _ in rows(folder, "title.crew")[1:]
    }
    assert len(crew) == TITLES
    assert directing == crew


def test_the_files_are_the_same_each_time(folder: Path, tmp_path: Path) -> None:
    generate.write_files(tmp_path / "again", TITLES)
    for name in COLUMNS:
        assert rows(tmp_path / "again", name) == rows(folder, name)
