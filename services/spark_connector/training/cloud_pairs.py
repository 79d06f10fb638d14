"""Counts pairs in Google's cloud: uploads the marks, downloads the pairs, and deletes both from the bucket.

Each training uses a folder training/KEY in the bucket. Its connector rewrites the file `alive` in the folder every few
seconds. If the file stays the same, the connector was killed, and another connector deletes the folder.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.common.errors import Unavailable
from services.common.tasks import ignore_failure
from services.spark_connector.runners.cloud import CloudRunner
from services.spark_connector.runners.job import Job, Report, part_of
from services.spark_connector.storage.bucket import Bucket
from services.spark_connector.storage.files import download
from services.spark_connector.training.pairs import new_key, pairs_job

log = logging.getLogger(__name__)

FOLDER, ALIVE = "training", "alive"
ALIVE_INTERVAL_S = 5.0
# A folder whose file `alive` has not changed for this time belongs to a killed connector.
ABANDONED_S = 30.0
# Limits for a connector that is being stopped. The next training deletes the files that remain after them.
LAST_WRITE_S, CLEAN_UP_S = 5.0, 20.0
UPLOADED, COUNTED = 0.1, 0.9  # completed share after each step, for display


@dataclass(frozen=True)
class CloudPairCounter:
    """`bucket` is the bucket of the runner."""

    runner: CloudRunner
    bucket: Bucket

    async def count(self, inputs: Path, pairs: Path, report: Report) -> None:
        job = self._job(new_key())
        report("uploading the marks", 0)
        other_folders, started_at = await self._folders(), time.monotonic()
        try:
            async with self._alive(job.key):
                await _complete(self.bucket.write_file(f"{FOLDER}/{job.key}/marks.tsv", inputs / "marks.tsv"))
                await self.runner.run(job, part_of(report, UPLOADED, COUNTED))
                report("downloading the pairs", COUNTED)
                await self._download(f"{FOLDER}/{job.key}/pairs/", pairs)
        finally:
            took_s = time.monotonic() - started_at
            await self._clean_up(job.key, other_folders if took_s >= ABANDONED_S else {})

    def _job(self, key: str) -> Job:
        folder = f"{self.bucket.location}/{FOLDER}/{key}"
        return pairs_job(key, folder, f"{folder}/pairs")

    async def _folders(self) -> Mapping[str, int]:
        """The version of the file `alive` in each folder, by the folder's key; 0 if there is no such file."""
        versions: dict[str, int] = {}
        for file in await self.bucket.list(f"{FOLDER}/"):
            key, _, name = file.name.removeprefix(f"{FOLDER}/").partition("/")
            versions[key] = file.version if name == ALIVE else versions.get(key, 0)
        return versions

    @contextlib.asynccontextmanager
    async def _alive(self, key: str) -> AsyncIterator[None]:
        async def write() -> None:
            await _complete(self.bucket.write(f"{FOLDER}/{key}/{ALIVE}", b"", "text/plain"))

        async def rewrite() -> None:
            while True:
                await asyncio.sleep(ALIVE_INTERVAL_S)
                with contextlib.suppress(Unavailable):
                    await write()

        await write()
        task = asyncio.create_task(rewrite())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _download(self, prefix: str, folder: Path) -> None:
        for file in await self.bucket.list(prefix):
            if file.name.endswith(".parquet"):
                copy = folder / file.name.removeprefix(prefix)
                copy.parent.mkdir(parents=True, exist_ok=True)
                await download(self.bucket, file, copy)

    async def _clean_up(self, key: str, other_folders: Mapping[str, int]) -> None:
        """Deletes the folder of this training, and the other folders whose file `alive` has not changed."""
        try:
            async with asyncio.timeout(CLEAN_UP_S):
                await self._delete(key)
                current = await self._folders() if other_folders else {}
                for other_key, version in other_folders.items():
                    if current.get(other_key) == version:
                        log.info("deleting the folder of a killed connector", extra={"key": other_key})
                        await self._delete(other_key)
        except (Unavailable, TimeoutError) as error:
            log.warning("a training's files remain in the bucket until the next training", extra={"error": str(error)})

    async def _delete(self, key: str) -> None:
        await self.runner.discard(self._job(key))
        await self.bucket.delete_all(f"{FOLDER}/{key}/")


async def _complete(write: Coroutine[Any, Any, None]) -> None:
    """Lets a write end even if this call is cancelled. Its thread would otherwise write into a deleted folder."""
    task = asyncio.create_task(write)
    task.add_done_callback(ignore_failure)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=LAST_WRITE_S)
        raise
