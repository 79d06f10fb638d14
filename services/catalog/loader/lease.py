"""Ensures that one load of a dataset runs at a time. The lease of a load that has crashed expires within seconds."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument

from services.catalog.loader.errors import AnotherLoad
from services.catalog.store.documents import Document
from services.catalog.store.shard import Shard
from services.common import deadline
from services.common.errors import SeenError

LEASE_S = 10.0
_CALL_TIMEOUT_S = 5.0
_ID = "load"


class Lease:
    """A document on the dataset's first shard. All times are the server's."""

    def __init__(self, shard: Shard, seconds: float = LEASE_S) -> None:
        self._shard = shard
        self._collection = shard.items.database[f"{shard.items.name}_loads"]
        self._seconds = seconds
        self._owner = ObjectId()
        self._lost = False

    @asynccontextmanager
    async def held(self) -> AsyncIterator["Lease"]:
        """Raises AnotherLoad if another load is running. If it may have crashed, waits until its lease expires."""
        await self._acquire()
        renewing = asyncio.create_task(self._renew())
        try:
            yield self
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            with contextlib.suppress(SeenError):  # the lease then expires
                async with self._call():
                    await self._collection.delete_one({"_id": _ID, "owner": self._owner})

    def check(self) -> None:
        """Raises AnotherLoad if the lease was lost, for example while the machine was suspended."""
        if self._lost:
            raise AnotherLoad("another load of this dataset has taken over")

    async def _acquire(self) -> None:
        # Takes the lease if there is none (a missing `until` is less than any date) or if it has expired.
        take: Document = {"$replaceWith": {"$cond": [{"$lt": ["$until", "$$NOW"]}, self._document(), "$$ROOT"]}}
        first_until: Any = None
        while True:
            async with self._call():
                holder: Any = await self._collection.find_one_and_update(
                    {"_id": _ID}, [take], upsert=True, return_document=ReturnDocument.AFTER
                )
            if holder["owner"] == self._owner:
                return
            if first_until is not None and holder["until"] != first_until:  # it has been renewed
                raise AnotherLoad(
                    f"another load of this dataset is running: process {holder['pid']} on {holder['host']}"
                )
            first_until = holder["until"]
            await asyncio.sleep(self._seconds / 10)

    async def _renew(self) -> None:
        while not self._lost:
            await asyncio.sleep(self._seconds / 4)
            with contextlib.suppress(SeenError):  # the load itself fails for the same reason
                async with self._call():
                    renewed = await self._collection.update_one(
                        {"_id": _ID, "owner": self._owner}, [{"$replaceWith": self._document()}]
                    )
                self._lost = renewed.matched_count == 0

    def _call(self) -> AbstractAsyncContextManager[None]:
        deadline.start(_CALL_TIMEOUT_S)
        return self._shard.within_deadline()

    def _document(self) -> Document:
        until = {"$add": ["$$NOW", int(self._seconds * 1000)]}
        return {"_id": _ID, "owner": self._owner, "host": socket.gethostname(), "pid": os.getpid(), "until": until}
