"""One load, from the files to the shards. Reads the next batch while the current one is being written."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.catalog.adapter import Adapter
from services.catalog.item import Item
from services.catalog.loader import report
from services.catalog.loader.lease import LEASE_S, Lease
from services.catalog.loader.reader import Reader, identify, total_bytes
from services.catalog.loader.report import Report
from services.catalog.loader.writer import Writer
from services.catalog.store.shard import gather_all
from services.catalog.store.store import connect

# Time for the batch that is being written when the load is interrupted.
_LAST_BATCH_S = 30
# Longer than in a service: nobody waits for an answer, and a busy server may take seconds to accept a connection.
SERVER_SELECTION_S = 5.0


@dataclass(frozen=True)
class LoadJob:
    adapter: Adapter
    paths: Sequence[Path]
    uris: Sequence[str]
    database: str
    include_adult: bool = False
    batch_size: int = 5000
    lease_s: float = LEASE_S

    async def run(self, result: Report) -> None:
        """Updates `result` as it proceeds. Raises LoadError or SeenError; batches written before that stay."""
        inputs = identify(self.adapter, self.paths)
        name = self.adapter.name
        started = time.monotonic()
        try:
            async with connect(name, self.adapter.type, self.uris, self.database, SERVER_SELECTION_S) as store:
                await store.create_indexes()
                async with Lease(store.shards[0], self.lease_s).held() as lease:
                    await gather_all(*(shard.repair() for shard in store.shards))
                    with report.progress(name, total_bytes(inputs)) as progress:
                        reader = Reader(self.adapter, inputs, self.include_adult, result, progress)
                        await _write_all(reader.batches(self.batch_size), Writer(store, result), lease)
        finally:
            result.seconds = time.monotonic() - started


async def _write_all(batches: Iterator[list[Item]], writer: Writer, lease: Lease) -> None:
    writing: asyncio.Task[None] | None = None
    try:
        while batch := await asyncio.to_thread(next, batches, None):
            if writing:
                await asyncio.shield(writing)
            lease.check()
            writing = asyncio.create_task(writer.write(batch))
    finally:
        if writing and not writing.done():
            await asyncio.wait([writing], timeout=_LAST_BATCH_S)
    if writing:
        await writing
