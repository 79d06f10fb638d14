"""Copying IMDb's files to where the jobs read them."""

import argparse
import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from services.spark_connector import copy_inputs
from services.spark_connector.copy_inputs import WrongFile, copy_files, files_of_load
from spark_jobs.views import IMDB_VIEWS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "imdb").mkdir()
    for view in IMDB_VIEWS.values():
        (tmp_path / "imdb" / f"{view.file}.tsv").write_text("\t".join(view.columns) + "\n")
    return tmp_path / "imdb"


def test_each_file_gets_its_own_name_and_nothing_else_is_left(folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "downloaded.gz"
    packed.write_bytes(gzip.compress((folder / "title.crew.tsv").read_bytes()))
    copies = copy_files(tmp_path / "copied", {"crew": packed, "names": folder / "name.basics.tsv"})
    assert copies == sorted((tmp_path / "copied").iterdir(), reverse=True)
    assert [path.name for path in copies] == ["title.crew.tsv.gz", "name.basics.tsv"]


def test_an_older_file_of_another_form_is_replaced(folder: Path, tmp_path: Path) -> None:
    copy_files(tmp_path / "copied", {"crew": folder / "title.crew.tsv"})
    packed = tmp_path / "title.crew.tsv.gz"
    packed.write_bytes(gzip.compress((folder / "title.crew.tsv").read_bytes()))
    copy_files(tmp_path / "copied", {"crew": packed})
    assert [path.name for path in (tmp_path / "copied").iterdir()] == ["title.crew.tsv.gz"]


def test_copying_a_file_twice_keeps_it(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):
        (copy,) = copy_files(tmp_path / "copied", {"crew": folder / "title.crew.tsv"})
    assert copy.read_text() == (folder / "title.crew.tsv").read_text()


@pytest.mark.parametrize("content", [b"", b"nconst\tprimaryName\n", b"\x1f\x8bbroken", b"\x00\x01"])
def test_a_wrong_file_is_refused_and_nothing_changes(folder: Path, tmp_path: Path, content: bytes) -> None:
    wrong = tmp_path / "wrong.tsv"
    wrong.write_bytes(content)
    with pytest.raises(WrongFile, match="wrong"):
        copy_files(tmp_path / "copied", {"names": folder / "name.basics.tsv", "crew": wrong})
    assert not (tmp_path / "copied").exists()


def load_options(dataset: str, *arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    copy_inputs.add_arguments(parser, beside_loader=True)
    options = parser.parse_args(arguments)
    options.dataset = dataset
    return options


def test_a_load_without_the_options_copies_nothing(folder: Path) -> None:
    assert files_of_load(load_options("imdb", f"{folder}/title.basics.tsv", f"{folder}/title.ratings.tsv")) == {}


def test_a_load_with_the_options_copies_the_loaded_files_too(folder: Path) -> None:
    loaded = (f"{folder}/title.ratings.tsv", f"{folder}/title.basics.tsv")
    assert files_of_load(load_options("imdb", *loaded, f"--crew={folder}/title.crew.tsv")) == {
        name: folder / f"title.{name}.tsv" for name in ("basics", "ratings", "crew")
    }


def test_the_options_are_refused_for_other_datasets(folder: Path) -> None:
    with pytest.raises(WrongFile, match="of the dataset imdb only"):
        files_of_load(load_options("book", "book_data.csv", "--crew", f"{folder}/title.crew.tsv"))


def test_a_wrong_file_stops_a_load_before_it_begins(folder: Path) -> None:
    with pytest.raises(WrongFile, match=r"is not IMDb's name\.basics\.tsv"):
        files_of_load(load_options("imdb", f"{folder}/title.basics.tsv", "--names", f"{folder}/title.crew.tsv"))


def test_the_command_prints_the_copies(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "services.spark_connector.copy_inputs", str(tmp_path / "copied")]
    done = subprocess.run([*command, "--crew", str(folder / "title.crew.tsv")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/copied/title.crew.tsv\n")
    done = subprocess.run([*command, "--names", str(folder / "title.crew.tsv")], capture_output=True, text=True)
    assert (done.returncode, "is not IMDb's name.basics.tsv" in done.stderr) == (1, True)
