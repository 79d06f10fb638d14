"""Copies IMDb's files into the folder where the Spark jobs read them.

Run by `python -m services.spark_connector.copy_inputs FOLDER --crew FILE …`, and by scripts/load.sh. The first line of
each file is checked before anything is changed. Files on the same disk are linked, not copied. The copies have IMDb's
names; gzip and Parquet files keep their form.
"""

import argparse
import gzip
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from spark_jobs.imdb_files import FORMS
from spark_jobs.views import IMDB_VIEWS

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
FILES_OF_LOADER = ("basics", "ratings")
"""The files that the loader of the dataset imdb reads too."""


class WrongFile(Exception):
    """A file is not the IMDb file that its option names. The message says why."""


def copy_files(folder: Path, files: Mapping[str, Path]) -> list[Path]:
    """Copies files into the folder. `files` is by view name (views.py). Raises WrongFile before anything is changed."""
    forms = {name: checked_form(name, file) for name, file in files.items()}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as temporary:
        copies = {name: Path(temporary, f"{IMDB_VIEWS[name].file}{forms[name]}") for name in files}
        for name, file in files.items():
            _link_or_copy(file, copies[name])
        return [_replace(folder, IMDB_VIEWS[name].file, copy) for name, copy in copies.items()]


def checked_form(name: str, file: Path) -> str:
    """The form of the file: .tsv, .tsv.gz or .parquet. Raises WrongFile if it is not the file of the view `name`."""
    try:
        with file.open("rb") as opened:
            magic = opened.read(4)
        if magic == PARQUET:
            return ".parquet"
        form = ".tsv.gz" if magic[:2] == GZIP else ".tsv"
        with gzip.open(file) if form == ".tsv.gz" else file.open("rb") as opened:
            line = opened.readline(10_000)
    except (OSError, EOFError) as error:
        raise WrongFile(f"{file}: {getattr(error, 'strerror', None) or error}") from error
    columns = line.decode(errors="replace").removeprefix("\ufeff").rstrip("\r\n").split("\t")
    view = IMDB_VIEWS[name]
    # Later columns are not checked: the jobs do not need them, and IMDb has changed them over the years.
    if tuple(columns[: len(view.leading)]) != view.leading:
        expected = " ".join(view.leading)
        raise WrongFile(f"{file} is not IMDb's {view.file}.tsv: its first line must begin with {expected}")
    return form


def _link_or_copy(file: Path, copy: Path) -> None:
    try:
        os.link(file.resolve(), copy)
    except OSError:  # another disk, or a file of another user
        shutil.copyfile(file, copy)


def _replace(folder: Path, name: str, copy: Path) -> Path:
    target = folder / copy.name
    copy.replace(target)
    for form in FORMS:  # the jobs might read an older file of another form
        if (older := folder / f"{name}{form}") != target:
            shutil.rmtree(older) if older.is_dir() else older.unlink(missing_ok=True)
    return target


def add_arguments(parser: argparse.ArgumentParser, *, beside_loader: bool = False) -> None:
    """Adds an option for each file. `beside_loader`: without the files that are arguments of the loader."""
    group = parser.add_argument_group("imdb: files for the best director and the most connected person")
    for name, view in IMDB_VIEWS.items():
        if not (beside_loader and name in FILES_OF_LOADER):
            group.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"{view.file}.tsv, plain or .gz")


def files_in(options: argparse.Namespace) -> dict[str, Path]:
    return {name: path for name in IMDB_VIEWS if (path := getattr(options, name, None))}


def files_of_load(options: argparse.Namespace) -> dict[str, Path]:
    """The files to copy after a load: none without these options; otherwise their files and the loaded files.

    Raises WrongFile.
    """
    files = files_in(options)
    if files and options.dataset != "imdb":
        raise WrongFile("--crew, --principals and --names are options of the dataset imdb only")
    for name, path in files.items():
        checked_form(name, path)
    if not files:
        return {}
    return files | {name: path for path in options.files for name in FILES_OF_LOADER if _has_header_of(name, path)}


def _has_header_of(name: str, path: Path) -> bool:
    try:
        return checked_form(name, path) != ".parquet"  # a Parquet file has no header line to check
    except WrongFile:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m services.spark_connector.copy_inputs",
        description=(__doc__ or "").splitlines()[0],
    )
    parser.add_argument("folder", type=Path, help="the folder that SEEN_IMDB_FILES names")
    add_arguments(parser)
    options = parser.parse_args()
    files = files_in(options)
    if not files:
        parser.error("name at least one file")
    try:
        for path in copy_files(options.folder, files):
            print(path)
    except WrongFile as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
