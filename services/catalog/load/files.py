"""Opening the files: plain, gzipped or in a zip archive, whatever their names say."""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from services.catalog.adapter import Format
from services.catalog.load.faults import LoadFault, WrongInput

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_BUFFER_BYTES = 256 * 1024
# What the standard library raises over a file that is damaged or cut off.
_UNPACKING = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Table:
    """A file, or one member of an archive."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """The name it was published under, as far as one can tell."""
        return Path(self.member).name if self.member else self.path.name.removesuffix(".gz")

    def __str__(self) -> str:
        return f"{self.path} ({self.member})" if self.member else str(self.path)


def tables(path: Path) -> list[Table]:
    """What can be read of a file: itself, or its members if it is an archive."""
    with _faults(path, WrongInput):
        if not path.exists():
            raise WrongInput(f"{path}: there is no such file")
        if not path.is_file():
            raise WrongInput(f"{path}: is not a file")
        if _begins_with(path) != _ZIP:
            return [Table(path)]
        with zipfile.ZipFile(path) as archive:
            # Archives made on a Mac hold a shadow of each file.
            members = [info.filename for info in archive.infolist() if not info.is_dir()]
            return [Table(path, name) for name in members if not name.startswith("__MACOSX/")]


@contextmanager
def opened(table: Table, form: Format) -> Iterator[tuple[io.TextIOWrapper, Callable[[], int]]]:
    """The table's text, line endings as they are, and how many bytes of the file have been read so far.

    A byte that is not UTF-8 becomes a lone surrogate, so that its row can be told from the others.
    """
    with _faults(table.path, LoadFault), ExitStack() as stack:
        raw = stack.enter_context(table.path.open("rb"))
        unpacked = stack.enter_context(_unpacked(table, raw))
        buffered = io.BufferedReader(_Raw(unpacked), _BUFFER_BYTES)
        newline = "" if form is Format.CSV else "\n"
        yield io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline=newline), raw.tell


@contextmanager
def _unpacked(table: Table, raw: IO[bytes]) -> Iterator[_Readable]:
    if table.member:
        with zipfile.ZipFile(raw) as archive, _member(archive, table.member) as member:
            yield member
    elif _begins_with(table.path).startswith(_GZIP):
        with gzip.GzipFile(fileobj=raw) as member:
            yield member
    else:
        yield raw


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    try:
        return archive.open(name)
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed in a way that Python does not know
        raise zipfile.BadZipFile(str(error)) from error


class _Raw(io.RawIOBase):
    """Anything with `read` as what BufferedReader wants."""

    def __init__(self, source: _Readable) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        chunk = self._source.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _begins_with(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_ZIP))


@contextmanager
def _faults(path: Path, fault: type[LoadFault]) -> Iterator[None]:
    try:
        yield
    except _UNPACKING as error:
        raise fault(f"{path}: cannot be unpacked: {error or 'it is cut off'}") from error
    except OSError as error:
        raise fault(f"{path}: {error.strerror or error}") from error
