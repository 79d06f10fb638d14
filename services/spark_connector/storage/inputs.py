"""Finds the IMDb files that jobs read. Their sizes and versions show whether they have changed."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.common.errors import Unavailable
from services.spark_connector.storage.files import Storage, StoredFile
from spark_jobs.imdb_files import COLUMNS, FORMS


@dataclass(frozen=True)
class Inputs:
    """`location` is the folder or gs:// prefix of the files."""

    location: str
    files: Sequence[StoredFile]


class InputSource(Protocol):
    async def find(self, names: Sequence[str], *, cached: bool = True) -> Inputs:
        """The files with these names, in any of their forms. If `cached`, the list may be a few seconds old.

        Raises Unavailable if a file is missing or the files cannot be listed.
        """
        ...


class FolderInputs:
    """Files in a folder, or the files of `sample` while the folder has no IMDb file at all."""

    def __init__(self, folder: Storage, sample: Storage | None = None) -> None:
        self._folder = folder
        self._sample = sample

    async def find(self, names: Sequence[str], *, cached: bool = True) -> Inputs:
        folder = self._folder
        files = await _list(folder)
        if not files and self._sample:  # never a mix of both: the sample's people are not those of other films
            folder = self._sample
            files = await _list(folder)
        return Inputs(folder.location, _select(names, files))


class BucketInputs:
    """Objects under a prefix. Their list is cached for `cache_s` seconds and then refreshed in the background."""

    def __init__(self, bucket: Storage, cache_s: float) -> None:
        self._bucket = bucket
        self._cache_s = cache_s
        self._files: list[StoredFile] | None = None
        self._listed_at = 0.0
        self._refreshing: asyncio.Task[Unavailable | None] | None = None

    async def find(self, names: Sequence[str], *, cached: bool = True) -> Inputs:
        if self._files is None or not cached:
            if error := await asyncio.shield(self._refresh()):
                raise error
        elif time.monotonic() - self._listed_at > self._cache_s:
            self._refresh()
        return Inputs(self._bucket.location, _select(names, self._files or []))

    def _refresh(self) -> "asyncio.Task[Unavailable | None]":
        """Concurrent callers share one task."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._list())
        return self._refreshing

    async def _list(self) -> Unavailable | None:
        try:
            self._files = await self._bucket.list("")
            return None
        except Unavailable as error:
            return error  # an older list, if any, stays in use
        finally:
            self._listed_at = time.monotonic()


async def _list(folder: Storage) -> list[StoredFile]:
    return [file for name in COLUMNS for file in await folder.list(f"{name}.")]


def _select(names: Sequence[str], files: Sequence[StoredFile]) -> list[StoredFile]:
    """The files with these names. A folder of Parquet files has several."""
    selected = []
    for name in names:
        forms = {f"{name}{form}" for form in FORMS}
        matching = [file for file in files if file.name.split("/")[0] in forms]
        if not matching:
            raise Unavailable(f"{name}.tsv is missing; load it with scripts/load.sh imdb (see its --help)")
        selected += matching
    return selected
