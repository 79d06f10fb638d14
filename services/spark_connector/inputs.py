"""The IMDb files that the jobs read, and how it is seen that they have changed: by size and time, or by generation."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from services.common.errors import Unavailable

if TYPE_CHECKING:
    from services.spark_connector.bucket import Bucket

# What a file may be, after its IMDb name. A folder of Parquet files counts as one.
FORMS = (".tsv", ".tsv.gz", ".parquet")


@dataclass(frozen=True)
class InputFile:
    """`version` is the time of the last change in nanoseconds, or the object's generation."""

    name: str
    size: int
    version: int


@dataclass(frozen=True)
class Inputs:
    """The files of one question, and the folder or gs:// prefix that holds them."""

    where: str
    files: Sequence[InputFile]


class Source(Protocol):
    async def look(self, names: Sequence[str], *, anew: bool = False) -> Inputs:
        """The files with these names as they are now; `anew` does without a list kept from a moment ago.

        Unavailable where one is missing, or where they cannot be looked at.
        """
        ...


class FolderInputs:
    """Files in a folder; those of the sample as long as the folder has none."""

    def __init__(self, folder: Path, sample: Path | None = None) -> None:
        self._folder = folder
        self._sample = sample

    async def look(self, names: Sequence[str], *, anew: bool = False) -> Inputs:
        return await asyncio.to_thread(self._look, names)

    def _look(self, names: Sequence[str]) -> Inputs:
        # All or nothing: an answer from real films and invented people would be worth nothing.
        folder = self._sample if self._sample and not _any_file(self._folder) else self._folder
        files: list[InputFile] = []
        for name in names:
            found = [file for form in FORMS for file in _files(folder, folder / f"{name}{form}")]
            files += _present(name, found)
        return Inputs(str(folder), files)


class BucketInputs:
    """Objects under a prefix. A list of them is kept for a while, and renewed behind the back of who asks."""

    def __init__(self, bucket: "Bucket", keep_s: float) -> None:
        self._bucket = bucket
        self._keep_s = keep_s
        self._listed: list[InputFile] | None = None
        self._listed_at = 0.0
        self._renewal: asyncio.Task[Unavailable | None] | None = None

    async def look(self, names: Sequence[str], *, anew: bool = False) -> Inputs:
        if self._listed is None or anew:
            if fault := await asyncio.shield(self._renewing()):
                raise fault
        elif time.monotonic() - self._listed_at > self._keep_s:
            self._renewing()
        files: list[InputFile] = []
        for name in names:
            forms = {f"{name}{form}" for form in FORMS}
            files += _present(name, [file for file in self._listed or () if file.name.split("/")[0] in forms])
        return Inputs(self._bucket.url, files)

    def _renewing(self) -> "asyncio.Task[Unavailable | None]":
        """One for all who want a new list at the moment."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
        return self._renewal

    async def _renew(self) -> Unavailable | None:
        try:
            blobs = await self._bucket.list("")
        except Unavailable as error:
            return error  # an old list has to do
        else:
            self._listed = [InputFile(blob.name, blob.size, blob.generation) for blob in blobs]
            return None
        finally:
            self._listed_at = time.monotonic()


def _present(name: str, found: Sequence[InputFile]) -> Sequence[InputFile]:
    if not found:
        raise Unavailable(f"{name}.tsv is missing: scripts/load.sh imdb puts it where it is read; --help says how")
    return found


def _any_file(folder: Path) -> bool:
    return folder.is_dir() and any(name.name.endswith(FORMS) for name in folder.iterdir())


def _files(folder: Path, path: Path) -> list[InputFile]:
    try:
        parts = sorted(part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]
        stats = [(part, part.stat()) for part in parts]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be read: {error.strerror}") from error
    return [InputFile(str(part.relative_to(folder)), stat.st_size, stat.st_mtime_ns) for part, stat in stats]
