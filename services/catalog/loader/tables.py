"""Reads tables: CSV or TSV text in plain files, gzip files and members of zip archives, whatever their names end in.

A line that is not a row becomes Skipped, with the reason.
"""

import csv
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from services.catalog.adapter import Format, Row
from services.catalog.item import Skipped
from services.catalog.loader.errors import InvalidInput, LoadError

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
_BUFFER_BYTES = 256 * 1024
# The standard library's errors for a damaged or incomplete file.
_UNPACK_ERRORS = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)
# The longest cell in practice has 12,000 characters. A longer line has an unclosed quote, or the file is not text.
MAX_CHARACTERS = 1_000_000

INCOMPLETE = Skipped("incomplete last line: it does not end with a line break")
NOT_UTF8 = Skipped("not UTF-8")
WRONG_WIDTH = Skipped("wrong number of columns")
TOO_LONG = Skipped(f"longer than {MAX_CHARACTERS:,} characters")


@dataclass(frozen=True)
class Table:
    """A file, or one member of an archive."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """The name under which it was probably published."""
        return Path(self.member).name if self.member else self.path.name.removesuffix(".gz")


def find_tables(path: Path) -> list[Table]:
    """The file itself, or the members if it is an archive."""
    with _raising(InvalidInput, path):
        if not path.exists():
            raise InvalidInput(f"{path}: no such file")
        if not path.is_file():
            raise InvalidInput(f"{path}: not a file")
        if _first_bytes(path) != _ZIP_MAGIC:
            return [Table(path)]
        with zipfile.ZipFile(path) as archive:
            # macOS adds a metadata file for each file.
            members = [info.filename for info in archive.infolist() if not info.is_dir()]
            return [Table(path, name) for name in members if not name.startswith("__MACOSX/")]


@contextmanager
def open_table(table: Table, form: Format) -> Iterator[tuple[io.TextIOWrapper, Callable[[], int]]]:
    """The table's text with its original line endings, and a function that returns how many bytes have been read.

    A byte that is not UTF-8 becomes a lone surrogate, so that only its row is skipped.
    """
    with _raising(LoadError, table.path), ExitStack() as stack:
        raw = stack.enter_context(table.path.open("rb"))
        unpacked = stack.enter_context(_unpacked(table, raw))
        buffered = io.BufferedReader(unpacked, _BUFFER_BYTES)  # type: ignore[type-var]
        newline = "" if form is Format.CSV else "\n"
        yield io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline=newline), raw.tell


@contextmanager
def _unpacked(table: Table, raw: IO[bytes]) -> Iterator[IO[bytes] | gzip.GzipFile]:
    if table.member:
        with zipfile.ZipFile(raw) as archive, _open_member(archive, table.member) as member:
            yield member
    elif _first_bytes(table.path).startswith(_GZIP_MAGIC):
        with gzip.open(raw) as unzipped:
            yield unzipped
    else:
        yield raw


def _open_member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    try:
        return archive.open(name)
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or compressed by an unsupported method
        raise zipfile.BadZipFile(str(error)) from error


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_ZIP_MAGIC))


@contextmanager
def _raising(kind: type[LoadError], path: Path) -> Iterator[None]:
    """Turns errors of the file into a LoadError of this kind."""
    try:
        yield
    except _UNPACK_ERRORS as error:
        raise kind(f"{path}: cannot be unpacked: {error or 'it is incomplete'}") from error
    except OSError as error:
        raise kind(f"{path}: {error.strerror or error}") from error


def read_header(text: io.TextIOWrapper, form: Format) -> list[str]:
    """The cells of the first line, which are the names of the columns. A line that is not CSV has none."""
    line = text.readline(MAX_CHARACTERS)
    if form is Format.TSV:
        return _cells(line)
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def read_rows(text: io.TextIOWrapper, form: Format, columns: list[str]) -> Iterator[Row | Skipped]:
    """The rows below the header, without empty lines."""
    lines = _Lines(text)
    for cells in _csv(lines) if form is Format.CSV else _tsv(lines):
        if isinstance(cells, Skipped):
            yield cells
        elif lines.incomplete:
            yield INCOMPLETE
        elif len(cells) != len(columns):
            if cells and cells != [""]:
                yield WRONG_WIDTH
        elif not _is_utf8(cells):
            yield NOT_UTF8
        else:
            yield dict(zip(columns, cells, strict=True))


class _Lines:
    """Iterates over the lines in pieces of at most MAX_CHARACTERS, so that no file can exhaust memory."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.incomplete = False  # whether the current piece ends without a line break

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(MAX_CHARACTERS):
            self.incomplete = not line.endswith(("\n", "\r"))
            yield line


def _tsv(lines: _Lines) -> Iterator[list[str] | Skipped]:
    too_long = False
    for line in lines:
        continues = len(line) == MAX_CHARACTERS and lines.incomplete
        if continues and not too_long:
            yield TOO_LONG
        elif not too_long:
            yield _cells(line)
        too_long = continues


def _csv(lines: _Lines) -> Iterator[list[str] | Skipped]:
    csv.field_size_limit(MAX_CHARACTERS)
    reader = csv.reader(lines)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:  # the reader resumes with the next line
            yield TOO_LONG


def _cells(line: str) -> list[str]:
    return line.removesuffix("\n").removesuffix("\r").split("\t")


def _is_utf8(cells: list[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True
