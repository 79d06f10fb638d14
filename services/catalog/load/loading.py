"""One load, from the files to the shards. The next batch is read while one is being written."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.catalog import connection
from services.catalog.adapter import Adapter
from services.catalog.item import Item
from services.catalog.load import progress, sources
from services.catalog.load.batches import Batches
from services.catalog.load.lease import LEASE_S, Lease
from services.catalog.load.report import Report
from services.catalog.load.writer import Writer, Written
from services.catalog.store import INDEXES_WITHIN_S, Store
from services.common import deadline

# What a batch that is being written gets to finish when the load is interrupted.
_LAST_BATCH_S = 30


@dataclass(frozen=True)
class Load:
    adapter: Adapter
    paths: Sequence[Path]
    uris: Sequence[str]
    database: str
    include_adult: bool = False
    batch_size: int = 5000
    lease_s: float = LEASE_S


async def run(load: Load, report: Report) -> None:
    """Fills in the report as it goes. Raises LoadFault or SeenError for what stops it; what is in by then stays."""
    found = sources.recognise(load.adapter, load.paths)
    started = time.monotonic()
    try:
        async with connection.connect(load.adapter.name, load.uris, load.database) as store:
            await _make_indexes(store)
            async with Lease(store.shards[0], load.lease_s).held() as lease:
                writer = Writer(store)
                await writer.mend()
                with progress.shown(load.adapter.name, found.size()) as shown:
                    batches = Batches(load.adapter, found, load.include_adult, load.batch_size, report, shown)
                    await _write_all(iter(batches), writer, lease, report)
    finally:
        report.seconds = time.monotonic() - started


async def _make_indexes(store: Store) -> None:
    deadline.start(INDEXES_WITHIN_S)
    for shard in store.shards:
        async with shard.asked():
            await shard.make_indexes()


async def _write_all(batches: Iterator[list[Item]], writer: Writer, lease: Lease, report: Report) -> None:
    writing: asyncio.Task[None] | None = None
    try:
        while batch := await asyncio.to_thread(next, batches, None):
            if writing:
                await asyncio.shield(writing)
            lease.check()
            writing = asyncio.create_task(_write(writer, batch, report))
    finally:
        if writing and not writing.done():
            await asyncio.wait([writing], timeout=_LAST_BATCH_S)
    if writing:
        await writing


async def _write(writer: Writer, batch: list[Item], report: Report) -> None:
    written: Written = await writer.write(batch)
    report.added += written.added
    report.updated += written.updated
    report.unchanged += written.unchanged
