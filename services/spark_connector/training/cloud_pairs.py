"""Counts pairs in Google's cloud: marks are uploaded, pairs downloaded, and both are deleted from the bucket.

A counting has the folder training/KEY. Its connector rewrites the file `alive` there every few seconds, so that another
connector, which shares the bucket, can tell the files of a connector that was killed.
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
from services.spark_connector.runners.cloud import CloudRunner
from services.spark_connector.runners.job import Job, Report
from services.spark_connector.storage.bucket import Bucket
from services.spark_connector.storage.files import download
from services.spark_connector.training.pairs import new_key, pairs_job

log = logging.getLogger(__name__)

FOLDER, ALIVE = "training", "alive"
ALIVE_INTERVAL_S = 5.0
# Nobody counts in a folder whose file `alive` is the same after this time.
ABANDONED_S = 30.0
# A connector that is stopped has no more time. What is left then is deleted by the next counting.
LAST_WRITE_S, CLEAN_UP_S = 5.0, 20.0
UPLOADED, COUNTED = 0.1, 0.9  # shares of the work, for display


@dataclass(frozen=True)
class CloudPairCounter:
    """`bucket` is that of the runner."""

    runner: CloudRunner
    bucket: Bucket

    async def count(self, inputs: Path, pairs: Path, report: Report) -> None:
        job = self._job(new_key())
        report("uploading the marks", 0)
        others, began = await self._folders(), time.monotonic()
        try:
            async with self._alive(job.key):
                await _to_end(self.bucket.write_file(f"{FOLDER}/{job.key}/marks.tsv", inputs / "marks.tsv"))
                await self.runner.run(job, lambda stage, share: report(stage, UPLOADED + (COUNTED - UPLOADED) * share))
                report("downloading the pairs", COUNTED)
                await self._download(f"{FOLDER}/{job.key}/pairs/", pairs)
        finally:
            await self._clean_up(job.key, others if time.monotonic() - began >= ABANDONED_S else {})

    def _job(self, key: str) -> Job:
        folder = f"{self.bucket.location}/{FOLDER}/{key}"
        return pairs_job(key, folder, f"{folder}/pairs")

    async def _folders(self) -> Mapping[str, int]:
        """The keys of all folders, each with the version of its file `alive`, 0 if it has none."""
        versions: dict[str, int] = {}
        for file in await self.bucket.list(f"{FOLDER}/"):
            key, _, name = file.name.removeprefix(f"{FOLDER}/").partition("/")
            versions[key] = file.version if name == ALIVE else versions.get(key, 0)
        return versions

    @contextlib.asynccontextmanager
    async def _alive(self, key: str) -> AsyncIterator[None]:
        async def write() -> None:
            await _to_end(self.bucket.write(f"{FOLDER}/{key}/{ALIVE}", b"", "text/plain"))

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

    async def _clean_up(self, key: str, others: Mapping[str, int]) -> None:
        """Deletes the own folder, and those of `others` that nobody has used since."""
        try:
            async with asyncio.timeout(CLEAN_UP_S):
                await self._delete(key)
                now = await self._folders() if others else {}
                for other in others:
                    if now.get(other) == others[other]:
                        log.info("deleting what a killed connector has left", extra={"key": other})
                        await self._delete(other)
        except (Unavailable, TimeoutError) as error:
            log.warning("files of a training are left in the bucket until the next one", extra={"error": str(error)})

    async def _delete(self, key: str) -> None:
        await self.runner.discard(self._job(key))
        await self.bucket.delete_all(f"{FOLDER}/{key}/")


async def _to_end(write: Coroutine[Any, Any, None]) -> None:
    """Waits for the end of a write even if cancelled: its thread would write after the folder has been deleted."""
    task = asyncio.create_task(write)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody else may ask for it
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=LAST_WRITE_S)
        raise
