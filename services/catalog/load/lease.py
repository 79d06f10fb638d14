"""One load of a dataset at a time. A load that died gives way when its lease runs out, within seconds."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from services.catalog.documents import Document
from services.catalog.load.faults import AnotherLoad
from services.catalog.shard import Shard
from services.common import deadline
from services.common.errors import SeenError

LEASE_S = 10.0
_ANSWER_WITHIN_S = 5.0
_ID = "load"


class Lease:
    """The document {_id, owner, host, pid, until} on the dataset's first shard. All times are the server's."""

    def __init__(self, shard: Shard, seconds: float = LEASE_S) -> None:
        self._shard = shard
        self._collection = shard.items.database[f"{shard.items.name}_loads"]
        self._seconds = seconds
        self._owner = ObjectId()
        self._lost = False

    @asynccontextmanager
    async def held(self) -> AsyncIterator["Lease"]:
        """Raises AnotherLoad if one is under way. Waits for the lease of one that may have died."""
        await self._take()
        renewing = asyncio.create_task(self._renew())
        try:
            yield self
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            with contextlib.suppress(SeenError):  # else it runs out by itself
                async with self._asked():
                    await self._collection.delete_one({"_id": _ID, "owner": self._owner})

    def check(self) -> None:
        """Raises AnotherLoad when the lease was lost, as after the machine has slept."""
        if self._lost:
            raise AnotherLoad("another load of this dataset has taken over")

    async def _take(self) -> None:
        first_until: Any = None
        while not await self._try():
            async with self._asked():
                holder = await self._collection.find_one({"_id": _ID})
            if holder is None:
                continue
            if first_until is not None and holder["until"] != first_until:  # it lives
                raise AnotherLoad(
                    f"another load of this dataset is under way: process {holder['pid']} on {holder['host']}"
                )
            first_until = holder["until"]
            await asyncio.sleep(self._seconds / 10)

    async def _try(self) -> bool:
        async with self._asked():
            run_out = {"_id": _ID, "$expr": {"$lt": ["$until", "$$NOW"]}}
            if (await self._collection.update_one(run_out, self._ours())).matched_count:
                return True
            try:
                await self._collection.update_one({"_id": _ID, "owner": self._owner}, self._ours(), upsert=True)
            except DuplicateKeyError:
                return False
            return True

    async def _renew(self) -> None:
        while not self._lost:
            await asyncio.sleep(self._seconds / 4)
            with contextlib.suppress(SeenError):  # the load itself will meet the same failure
                async with self._asked():
                    renewed = await self._collection.update_one({"_id": _ID, "owner": self._owner}, self._ours())
                self._lost = renewed.matched_count == 0

    def _asked(self) -> AbstractAsyncContextManager[None]:
        deadline.start(_ANSWER_WITHIN_S)
        return self._shard.asked()

    def _ours(self) -> list[Document]:
        until = {"$add": ["$$NOW", int(self._seconds * 1000)]}
        return [{"$set": {"owner": self._owner, "host": socket.gethostname(), "pid": os.getpid(), "until": until}}]
