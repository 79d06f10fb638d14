"""Group commit: writes that wait for SQLite's only writer at the same time share a transaction.

A commit waits for the disk, which takes longer than a mark. When the writer becomes free, it takes all writes that are
waiting, runs them in one transaction, and reports their results after the commit. It never waits for more to arrive.
If one fails, nothing is committed, and each runs again in a transaction of its own: a failure affects only its caller.

Reads are grouped in the same way. What they share is the hand-over to the thread instead of the commit.
"""

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from services.account.database import transactions
from services.common.errors import DeadlineExceeded

# Bounds how long the first write of a group waits for the last one.
MAX_GROUP_SIZE = 64

LATE = DeadlineExceeded("not begun before the deadline")

T = TypeVar("T")


@dataclass(frozen=True)
class _Write:
    function: Callable[[Connection], Any]
    until: float
    result: asyncio.Future[Any]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)  # log lines carry the request's id

    def run(self, connection: Connection) -> Any:
        """Returns an error, so that the others do not fail, instead of beginning after the deadline."""
        return LATE if self.is_late() else self.function(connection)

    def is_late(self) -> bool:
        return time.monotonic() >= self.until

    def report(self, result: Any) -> None:
        if self.result.done():  # the caller no longer waits
            return
        if isinstance(result, Exception):
            self.result.set_exception(result)
        else:
            self.result.set_result(result)


class GroupCommit:
    """Belongs to one event loop. `executor` has one thread, and `engine` one connection."""

    def __init__(self, executor: ThreadPoolExecutor, engine: Engine) -> None:
        self._executor = executor
        self._engine = engine
        self._waiting: deque[_Write] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def run(self, function: Callable[[Connection], T], until: float) -> T:
        """Returns after the commit; the function does not begin after `until`, in the time of time.monotonic()."""
        write = _Write(function, until, asyncio.get_running_loop().create_future())
        self._waiting.append(write)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        result: T = await write.result
        return result

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_GROUP_SIZE))]
                group = [write for write in group if not write.result.done()]  # without those whose caller has left
                loop = asyncio.get_running_loop()
                results = await loop.run_in_executor(self._executor, self._commit, group)
                for write, result in zip(group, results, strict=True):
                    write.report(result)
        finally:
            self._writer = None

    def _commit(self, group: list[_Write]) -> list[Any]:
        """The results or errors of the writes, in their order."""
        if len(group) > 1:
            with suppress(Exception):  # the write that failed fails again below, and reports the error
                return transactions.run_once(
                    self._engine, lambda connection: [write.context.run(write.run, connection) for write in group]
                )
        return [write.context.run(self._commit_alone, write) for write in group]

    def _commit_alone(self, write: _Write) -> Any:
        if write.is_late():
            return LATE
        try:
            return transactions.run_with_retries(self._engine, write.run, write.until)
        except Exception as error:
            return error
