"""The IMDb files that jobs read. A change shows in a file's size and time, or in an object's generation."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from services.common.errors import Unavailable
from spark_jobs.imdb_files import FORMS

if TYPE_CHECKING:
    from services.spark_connector.storage.bucket import Bucket


@dataclass(frozen=True)
class InputFile:
    """`version` is the time of the last change in nanoseconds, or the object's generation."""

    name: str
    size: int
    version: int


@dataclass(frozen=True)
class Inputs:
    """`location` is the folder or gs:// prefix of the files."""

    location: str
    files: Sequence[InputFile]


class InputSource(Protocol):
    async def find(self, names: Sequence[str], *, cached: bool = True) -> Inputs:
        """The files with these names, in any of their forms. `cached`: a list of some seconds ago is good enough.

        Raises Unavailable if a file is missing or the files cannot be listed.
        """
        ...


class FolderInputs:
    """Files in a folder; those of `sample` while the folder has no IMDb file at all."""

    def __init__(self, folder: Path, sample: Path | None = None) -> None:
        self._folder = folder
        self._sample = sample

    async def find(self, names: Sequence[str], *, cached: bool = True) -> Inputs:
        return await asyncio.to_thread(self._find, names)

    def _find(self, names: Sequence[str]) -> Inputs:
        # Never from both: sample people in real films would be a wrong answer.
        folder = self._sample if self._sample and not _has_files(self._folder) else self._folder
        files: list[InputFile] = []
        for name in names:
            forms = [file for form in FORMS for file in _read(folder, folder / f"{name}{form}")]
            files += _required(name, forms)
        return Inputs(str(folder), files)


class BucketInputs:
    """Objects under a prefix. Their list is cached for `cache_s` seconds and then refreshed in the background."""

    def __init__(self, bucket: "Bucket", cache_s: float) -> None:
        self._bucket = bucket
        self._cache_s = cache_s
        self._files: list[InputFile] | None = None
        self._listed_at = 0.0
        self._refreshing: asyncio.Task[Unavailable | None] | None = None

    async def find(self, names: Sequence[str], *, cached: bool = True) -> Inputs:
        if self._files is None or not cached:
            if error := await asyncio.shield(self._refresh()):
                raise error
        elif time.monotonic() - self._listed_at > self._cache_s:
            self._refresh()
        files: list[InputFile] = []
        for name in names:
            forms = {f"{name}{form}" for form in FORMS}
            files += _required(name, [file for file in self._files or () if file.name.split("/")[0] in forms])
        return Inputs(self._bucket.url, files)

    def _refresh(self) -> "asyncio.Task[Unavailable | None]":
        """Concurrent callers share one task."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._list())
        return self._refreshing

    async def _list(self) -> Unavailable | None:
        try:
            blobs = await self._bucket.list("")
        except Unavailable as error:
            return error  # an older list, if any, is kept
        else:
            self._files = [InputFile(blob.name, blob.size, blob.generation) for blob in blobs]
            return None
        finally:
            self._listed_at = time.monotonic()


def _required(name: str, files: Sequence[InputFile]) -> Sequence[InputFile]:
    if not files:
        raise Unavailable(f"{name}.tsv is missing; load it with scripts/load.sh imdb (see its --help)")
    return files


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.name.endswith(FORMS) for path in folder.iterdir())


def _read(folder: Path, path: Path) -> list[InputFile]:
    """The file, the files of a folder, or nothing if the path does not exist."""
    try:
        parts = sorted(part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]
        stats = [(part, part.stat()) for part in parts]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be read: {error.strerror}") from error
    return [InputFile(str(part.relative_to(folder)), stat.st_size, stat.st_mtime_ns) for part, stat in stats]
