"""Files under a folder of this machine or a gs:// prefix."""

import asyncio
import contextlib
import functools
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ParamSpec, Protocol, TypeVar

from services.common.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")

PART_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class StoredFile:
    """`version` grows with each change. It is a time in nanoseconds, or the generation of an object."""

    name: str
    size: int
    version: int


class Storage(Protocol):
    """Every method raises Unavailable if the storage does not answer or denies access."""

    location: str

    async def list(self, prefix: str) -> list[StoredFile]:
        """The files whose names begin with the prefix, by name."""
        ...

    async def read(self, name: str) -> bytes | None:
        """None if there is no such file."""
        ...

    async def find(self, name: str) -> StoredFile | None:
        """None if there is no such file."""
        ...

    async def read_part(self, file: StoredFile, offset: int, size: int) -> bytes | None:
        """At most `size` bytes, and b"" from the end of the file on. None if the file has been replaced or deleted."""
        ...

    async def write(self, name: str, content: bytes, content_type: str) -> None:
        """Replaces the file as a whole."""
        ...

    async def write_file(self, name: str, source: Path) -> None:
        """Replaces the file as a whole with a copy of a file on this machine."""
        ...

    async def delete(self, name: str) -> None:
        """Does nothing if there is no such file."""
        ...

    async def ping(self) -> None: ...


async def download(storage: Storage, file: StoredFile, copy: Path) -> None:
    """Raises Unavailable if the file cannot be read, or is replaced or deleted during the download; OSError."""
    with copy.open("wb") as opened:
        while opened.tell() < file.size:
            part = await storage.read_part(file, opened.tell(), PART_BYTES)
            if not part:
                raise Unavailable(f"{file.name} changed while it was read; try again later")
            await asyncio.to_thread(opened.write, part)


def _in_thread(method: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Runs a blocking method in a thread, and raises Unavailable for OSError."""

    @functools.wraps(method)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await asyncio.to_thread(method, *args, **kwargs)
        except OSError as error:
            message = f"the Spark connector's files cannot be read or written: {error.strerror}"
            raise Unavailable(message) from error

    return run


class Folder:
    """Storage in a folder, which is created when something is written."""

    def __init__(self, path: Path) -> None:
        self.location = str(path)
        self._path = path

    @_in_thread
    def list(self, prefix: str) -> list[StoredFile]:
        entries = self._path.glob(f"{prefix}*")
        paths = [part for path in entries for part in (path.rglob("*") if path.is_dir() else [path])]
        files = []
        for path in sorted(path for path in paths if path.is_file()):
            with contextlib.suppress(FileNotFoundError):  # deleted in the meantime
                files.append(self._stored_file(path))
        return files

    @_in_thread
    def read(self, name: str) -> bytes | None:
        with contextlib.suppress(FileNotFoundError):
            return (self._path / name).read_bytes()
        return None

    @_in_thread
    def find(self, name: str) -> StoredFile | None:
        with contextlib.suppress(FileNotFoundError):
            return self._stored_file(self._path / name)
        return None

    def _stored_file(self, path: Path) -> StoredFile:
        stat = path.stat()
        return StoredFile(str(path.relative_to(self._path)), stat.st_size, stat.st_mtime_ns)

    @_in_thread
    def read_part(self, file: StoredFile, offset: int, size: int) -> bytes | None:
        with contextlib.suppress(FileNotFoundError), (self._path / file.name).open("rb") as opened:
            if os.fstat(opened.fileno()).st_mtime_ns == file.version:
                return os.pread(opened.fileno(), size, offset)
        return None

    @_in_thread
    def write(self, name: str, content: bytes, content_type: str) -> None:
        self._replace(name, io.BytesIO(content))

    @_in_thread
    def write_file(self, name: str, source: Path) -> None:
        with source.open("rb") as content:
            self._replace(name, content)

    def _replace(self, name: str, content: IO[bytes]) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._path, prefix=".new-", delete=False) as file:
            try:
                shutil.copyfileobj(content, file)
                file.flush()
                os.fchmod(file.fileno(), 0o644)  # a container may read it as another user; the folder protects it
                os.fsync(file.fileno())
                Path(file.name).replace(self._path / name)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise

    @_in_thread
    def delete(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)

    @_in_thread
    def ping(self) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        if not os.access(self._path, os.W_OK):
            raise PermissionError(13, "Permission denied")
