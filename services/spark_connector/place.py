"""Puts IMDb's files where the jobs read them: python -m services.spark_connector.place FOLDER --crew FILE …

Each file's first line is checked before anything is changed; then all take their places at once, under IMDb's names.
A file on the same disk is linked, not copied. .gz and .parquet stay what they are.
"""

import argparse
import gzip
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.spark_connector.inputs import FORMS

# IMDb's name of each file, and how its first line begins. Later columns have come and gone over the years.
COLUMNS = {
    "title.basics": ("tconst", "titleType", "primaryTitle", "originalTitle", "isAdult", "startYear"),
    "title.ratings": ("tconst", "averageRating", "numVotes"),
    "title.crew": ("tconst", "directors"),
    "title.principals": ("tconst", "ordering", "nconst", "category"),
    "name.basics": ("nconst", "primaryName"),
}
# What each is called on a command line.
OPTIONS = {
    "basics": "title.basics",
    "ratings": "title.ratings",
    "crew": "title.crew",
    "principals": "title.principals",
    "names": "name.basics",
}
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"


class NotThatFile(Exception):
    """A file that is not what it was given as; the message says which and why, for a person."""


def place(folder: Path, files: Mapping[str, Path]) -> list[Path]:
    """Puts each file, given under its IMDb name, into the folder. Raises NotThatFile with nothing changed."""
    forms = {name: check(name, file) for name, file in files.items()}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as waiting:
        ready = {name: Path(waiting, f"{name}{forms[name]}") for name in files}
        for name, file in files.items():
            _link_or_copy(file, ready[name])
        return [_take_place(folder, name, path) for name, path in ready.items()]


def check(name: str, file: Path) -> str:
    """The form that the file has: .tsv, .tsv.gz or .parquet. Raises NotThatFile."""
    try:
        with file.open("rb") as opened:
            magic = opened.read(4)
        if magic == PARQUET:
            return ".parquet"
        form = ".tsv.gz" if magic[:2] == GZIP else ".tsv"
        with gzip.open(file) if form == ".tsv.gz" else file.open("rb") as opened:
            line = opened.readline(10_000)
    except (OSError, EOFError) as error:
        raise NotThatFile(f"{file}: {getattr(error, 'strerror', None) or error}") from error
    columns = line.decode(errors="replace").removeprefix("\ufeff").rstrip("\r\n").split("\t")
    expected = COLUMNS[name]
    if tuple(columns[: len(expected)]) != expected:
        raise NotThatFile(f"{file} is not IMDb's {name}.tsv: its first line should begin with {' '.join(expected)}")
    return form


def _link_or_copy(file: Path, new: Path) -> None:
    try:
        os.link(file.resolve(), new)
    except OSError:  # another disk, or a file that is not ours
        shutil.copyfile(file, new)


def _take_place(folder: Path, name: str, new: Path) -> Path:
    placed = folder / new.name
    new.replace(placed)
    for form in FORMS:  # an older one in another form would be read instead, or as well
        if (other := folder / f"{name}{form}") != placed:
            shutil.rmtree(other) if other.is_dir() else other.unlink(missing_ok=True)
    return placed


def options(*, beside_a_load: bool) -> argparse.ArgumentParser:
    """A parser of the files' options, for others to have as a parent. A load is given the first two anyway."""
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("imdb: where the best director and the most connected person are looked for")
    for option, name in list(OPTIONS.items())[2 if beside_a_load else 0 :]:
        group.add_argument(f"--{option}", type=Path, metavar="FILE", help=f"{name}.tsv, plain or .gz")
    return parser


def of_a_load(arguments: Sequence[str]) -> dict[str, Path]:
    """What to place of a loader's command line: nothing, unless it has one of the options. Raises NotThatFile."""
    given, others = options(beside_a_load=True).parse_known_args(arguments)
    files = _given(given)
    if not files:
        return {}
    if "imdb" not in others:
        raise NotThatFile("--crew, --principals and --names go with imdb")
    for path in map(Path, others):
        if path.is_file():
            files |= {name: path for name in ("title.basics", "title.ratings") if _is(name, path)}
    for name, path in files.items():
        check(name, path)
    return files


def _is(name: str, file: Path) -> bool:
    try:
        return check(name, file) != ".parquet"  # which does not say what it is
    except NotThatFile:
        return False


def _given(given: argparse.Namespace) -> dict[str, Path]:
    return {name: path for option, name in OPTIONS.items() if (path := getattr(given, option, None))}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m services.spark_connector.place",
        description=(__doc__ or "").splitlines()[0],
        parents=[options(beside_a_load=False)],
    )
    parser.add_argument("folder", type=Path, help="what SEEN_IMDB_FILES names")
    given = parser.parse_args()
    files = _given(given)
    if not files:
        parser.error("name at least one file")
    try:
        for path in place(given.folder, files):
            print(path)
    except NotThatFile as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
