"""Runs transactions outside the event loop, in a bounded number of threads."""

import asyncio
import contextvars
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from sqlalchemy import Connection, Engine, text

from services.account.database import engines, schema, transactions
from services.account.database.group_commit import GroupCommit
from services.account.settings import DatabaseSettings
from services.common import deadline

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Database:
    """Runs functions that take a connection: a write as one transaction, a read in autocommit.

    Connects when the first one runs.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        is_sqlite = engines.is_sqlite(settings)
        readers, writers = 1 if is_sqlite else settings.database_threads, engines.max_writers(settings)
        self._read_engine = engines.read_engine(settings, readers + 2)
        self._write_engine = engines.write_engine(settings, writers)
        # Separate thread pools: reads do not queue behind writes that wait for locks or behind long reads, nor pings
        # behind any of them.
        self._readers = ThreadPoolExecutor(readers, "read")
        self._long_reader = ThreadPoolExecutor(1, "long-read")
        self._writers = ThreadPoolExecutor(writers, "write")
        self._pinger = ThreadPoolExecutor(1, "ping")
        # MySQL has many writers, and commits those of many connections together by itself.
        self._group_commit = GroupCommit(self._writers, self._write_engine) if is_sqlite else None
        # A read of SQLite takes less than handing it to a thread: those that wait together are handed over together.
        self._group_read = GroupCommit(self._readers, self._read_engine) if is_sqlite else None
        self._migrated = False

    async def read(self, function: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        if self._group_read:
            return await self._group_read.run(lambda connection: function(connection, *args), _until())
        return await _run(self._readers, self._read_engine, lambda connection: function(connection, *args), reads=True)

    async def read_long(self, function: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """A read that takes much longer than most. There is one at a time."""
        return await _run(
            self._long_reader, self._read_engine, lambda connection: function(connection, *args), reads=True
        )

    async def write(self, function: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """Returns after the commit; an exception rolls back. After a conflict the function runs again."""
        if self._group_commit:
            return await self._group_commit.run(lambda connection: function(connection, *args), _until())
        return await _run(self._writers, self._write_engine, lambda connection: function(connection, *args))

    async def ping(self) -> None:
        """Raises an error that describes the problem if the database does not answer or is not migrated."""
        # The version is checked only once: a newer release may migrate while this one still serves.
        function = _select_1 if self._migrated else schema.check_version
        await _in_thread(self._pinger, lambda: transactions.run_once(self._read_engine, function))
        self._migrated = True

    def close(self) -> None:
        """Does not wait: transactions that are running end at the database's timeout at the latest."""
        for executor in (self._readers, self._long_reader, self._writers, self._pinger):
            executor.shutdown(wait=False, cancel_futures=True)
        self._read_engine.dispose()
        self._write_engine.dispose()


async def _run(
    executor: ThreadPoolExecutor, engine: Engine, function: Callable[[Connection], T], *, reads: bool = False
) -> T:
    """A function that is still queued at the request's deadline never runs."""
    until = _until()
    return await _in_thread(executor, lambda: transactions.run_with_retries(engine, function, until, reads=reads))


def _until() -> float:
    """The request's deadline in the time of time.monotonic()."""
    return time.monotonic() + deadline.remaining()


async def _in_thread(executor: ThreadPoolExecutor, function: Callable[[], T]) -> T:
    context = contextvars.copy_context()  # log lines carry the request's id
    return await asyncio.get_running_loop().run_in_executor(executor, lambda: context.run(function))


def _select_1(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
