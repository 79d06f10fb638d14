"""Files under a folder of this machine or a gs:// prefix."""

import asyncio
import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeVar

from services.common.errors import Unavailable

T = TypeVar("T")

PART_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class StoredFile:
    """`version` grows with each change: the time in nanoseconds, or the generation of an object."""

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
        """At most `size` bytes; none from the end on. None if the file has been replaced or deleted."""
        ...

    async def write(self, name: str, content: bytes, content_type: str) -> None:
        """Replaces the file as a whole."""
        ...

    async def write_file(self, name: str, source: Path) -> None:
        """Replaces the file as a whole, by a copy of a file of this machine."""
        ...

    async def delete(self, name: str) -> None:
        """Does nothing if there is no such file."""
        ...

    async def ping(self) -> None: ...


async def download(storage: Storage, file: StoredFile, copy: Path) -> None:
    """Raises Unavailable if the file has been replaced or deleted meanwhile, or cannot be read; OSError."""
    with copy.open("wb") as opened:
        while opened.tell() < file.size:
            part = await storage.read_part(file, opened.tell(), PART_BYTES)
            if not part:
                raise Unavailable(f"{file.name} has changed while it was read; try again later")
            await asyncio.to_thread(opened.write, part)


class Folder:
    """Storage in a folder, which is created when something is written."""

    def __init__(self, path: Path) -> None:
        self.location = str(path)
        self._path = path

    async def list(self, prefix: str) -> list[StoredFile]:
        def call() -> list[StoredFile]:
            entries = self._path.glob(f"{prefix}*")
            paths = [part for path in entries for part in (path.rglob("*") if path.is_dir() else [path])]
            files = []
            for path in sorted(path for path in paths if path.is_file()):
                with contextlib.suppress(FileNotFoundError):  # deleted in the meantime
                    stat = path.stat()
                    files.append(StoredFile(str(path.relative_to(self._path)), stat.st_size, stat.st_mtime_ns))
            return files

        return await _in_thread(call)

    async def read(self, name: str) -> bytes | None:
        def call() -> bytes | None:
            try:
                return (self._path / name).read_bytes()
            except FileNotFoundError:
                return None

        return await _in_thread(call)

    async def find(self, name: str) -> StoredFile | None:
        def call() -> StoredFile | None:
            with contextlib.suppress(FileNotFoundError):
                stat = (self._path / name).stat()
                return StoredFile(name, stat.st_size, stat.st_mtime_ns)
            return None

        return await _in_thread(call)

    async def read_part(self, file: StoredFile, offset: int, size: int) -> bytes | None:
        def call() -> bytes | None:
            with contextlib.suppress(FileNotFoundError), (self._path / file.name).open("rb") as opened:
                if os.fstat(opened.fileno()).st_mtime_ns == file.version:
                    return os.pread(opened.fileno(), size, offset)
            return None

        return await _in_thread(call)

    async def write(self, name: str, content: bytes, content_type: str) -> None:
        await _in_thread(lambda: self._replace(name, io.BytesIO(content)))

    async def write_file(self, name: str, source: Path) -> None:
        def call() -> None:
            with source.open("rb") as content:
                self._replace(name, content)

        await _in_thread(call)

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

    async def delete(self, name: str) -> None:
        await _in_thread(lambda: (self._path / name).unlink(missing_ok=True))

    async def ping(self) -> None:
        def call() -> None:
            self._path.mkdir(parents=True, exist_ok=True)
            if not os.access(self._path, os.W_OK):
                raise PermissionError(13, "Permission denied")

        await _in_thread(call)


async def _in_thread(call: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(call)
    except OSError as error:
        raise Unavailable(f"the Spark connector's files cannot be read or written: {error.strerror}") from error
