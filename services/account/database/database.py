"""The servicer's way to the database: runs the functions of users, marks and mark_queries in threads."""

import asyncio
import contextvars
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from sqlalchemy import Connection, Engine, text

from services.account.database import engines, transactions
from services.account.database.group_commit import GroupCommit
from services.account.migrate import check_version
from services.account.settings import DatabaseSettings
from services.common import deadline

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Database:
    """Runs functions that take a connection: a write as one transaction, a read in autocommit.

    A function that is still queued at the request's deadline never runs. Connects when the first function runs.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        is_sqlite = engines.is_sqlite(settings)
        threads = 1 if is_sqlite else settings.database_threads
        self._read_engine = engines.read_engine(settings, threads + 2)  # also for the long read and the ping
        self._write_engine = engines.write_engine(settings, threads)
        # Separate thread pools: reads do not queue behind writes that wait for locks or behind long reads, nor pings
        # behind any of them.
        self._readers = ThreadPoolExecutor(threads, "read")
        self._long_reader = ThreadPoolExecutor(1, "long-read")
        self._writers = ThreadPoolExecutor(threads, "write")
        self._pinger = ThreadPoolExecutor(1, "ping")
        self._reads: GroupCommit | _OneByOne
        self._writes: GroupCommit | _OneByOne
        if is_sqlite:
            # A read takes less time than handing it to a thread: reads that wait together are handed over together.
            self._reads = GroupCommit(self._readers, self._read_engine)
            self._writes = GroupCommit(self._writers, self._write_engine)
        else:
            # MySQL has many writers, and commits the transactions of many connections together by itself.
            self._reads = _OneByOne(self._readers, self._read_engine, reads=True)
            self._writes = _OneByOne(self._writers, self._write_engine)
        self._long_reads = _OneByOne(self._long_reader, self._read_engine, reads=True)
        self._migrated = False

    async def read(self, function: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        return await self._reads.run(lambda connection: function(connection, *args), _until())

    async def read_long(self, function: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """A read that takes much longer than most. There is one at a time."""
        return await self._long_reads.run(lambda connection: function(connection, *args), _until())

    async def write(self, function: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """Returns after the commit; an exception rolls back. After a conflict the function runs again."""
        return await self._writes.run(lambda connection: function(connection, *args), _until())

    async def ping(self) -> None:
        """Raises an error that describes the problem if the database does not answer or is not migrated."""
        # The version is checked only once: a newer release may migrate while this one still serves.
        function = _select_1 if self._migrated else check_version
        await _in_thread(self._pinger, lambda: transactions.run_once(self._read_engine, function))
        self._migrated = True

    def close(self) -> None:
        """Does not wait: transactions that are running end at the database's timeout at the latest."""
        for executor in (self._readers, self._long_reader, self._writers, self._pinger):
            executor.shutdown(wait=False, cancel_futures=True)
        self._read_engine.dispose()
        self._write_engine.dispose()


class _OneByOne:
    """Runs each function alone in a thread, with a connection of its own. GroupCommit is the alternative."""

    def __init__(self, executor: ThreadPoolExecutor, engine: Engine, *, reads: bool = False) -> None:
        self._executor = executor
        self._engine = engine
        self._reads = reads

    async def run(self, function: Callable[[Connection], T], until: float) -> T:
        return await _in_thread(
            self._executor,
            lambda: transactions.run_with_retries(self._engine, function, until, reads=self._reads),
        )


def _until() -> float:
    """The request's deadline in the time of time.monotonic()."""
    return time.monotonic() + deadline.remaining()


async def _in_thread(executor: ThreadPoolExecutor, function: Callable[[], T]) -> T:
    context = contextvars.copy_context()  # log lines carry the request's id
    return await asyncio.get_running_loop().run_in_executor(executor, lambda: context.run(function))


def _select_1(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
