"""Runs transactions outside the event loop: in bounded threads, with retries after conflicts."""

import asyncio
import contextvars
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from services.account.database import engines, schema
from services.account.settings import DatabaseSettings
from services.common import deadline
from services.common.errors import Aborted, DeadlineExceeded, SeenError, Unavailable

log = logging.getLogger(__name__)

# The maximum pause before a retry doubles each time. The pause is random, so that two conflicting transactions do not
# conflict again.
FIRST_PAUSE_S = 0.01
MAX_PAUSE_S = 0.5

# Error numbers of MySQL and MariaDB: https://mariadb.com/kb/en/mariadb-error-codes/
# Lock wait timeout, deadlock, and "record has changed since last read" (MariaDB with snapshot isolation).
_CONFLICTS = frozenset((1205, 1213, 1020))
_STATEMENT_TIMEOUTS = frozenset((1969, 3024))  # MariaDB's max_statement_time, MySQL's max_execution_time
_NO_SUCH_TABLE = 1146  # not migrated yet

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Database:
    """Runs functions that take a connection, each as one transaction. Connects when the first one runs."""

    def __init__(self, settings: DatabaseSettings) -> None:
        readers, writers = settings.database_threads, engines.max_writers(settings)
        self._read_engine = engines.read_engine(settings, readers + 1)
        self._write_engine = engines.write_engine(settings, writers)
        # Separate thread pools: reads do not queue behind writes that wait for locks, nor pings behind reads or writes.
        self._readers = ThreadPoolExecutor(readers, "read")
        self._writers = ThreadPoolExecutor(writers, "write")
        self._pinger = ThreadPoolExecutor(1, "ping")
        self._migrated = False

    async def read(self, function: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        return await _run_until_deadline(self._readers, self._read_engine, function, *args)

    async def write(self, function: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """Returns after the commit; an exception rolls back. After a conflict the function runs again."""
        return await _run_until_deadline(self._writers, self._write_engine, function, *args)

    async def ping(self) -> None:
        """Raises an error that describes the problem if the database does not answer or is not migrated."""
        # The version is checked only once: a newer release may migrate while this one still serves.
        function = _select_1 if self._migrated else schema.check_version
        await _in_thread(self._pinger, lambda: _run_once(self._read_engine, function))
        self._migrated = True

    def close(self) -> None:
        """Does not wait: transactions that are running end at the database's timeout at the latest."""
        for executor in (self._readers, self._writers, self._pinger):
            executor.shutdown(wait=False, cancel_futures=True)
        self._read_engine.dispose()
        self._write_engine.dispose()


def is_conflict(error: SQLAlchemyError) -> bool:
    """Whether a concurrent transaction caused the error, so that a retry may succeed."""
    sqlite_error = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
    return _number(error) in _CONFLICTS or sqlite_error.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


async def _run_until_deadline(
    executor: ThreadPoolExecutor, engine: Engine, function: Callable[[Connection, *Ts], T], *args: *Ts
) -> T:
    """After the request's deadline there are no retries, and a function that is still queued never runs."""
    until = time.monotonic() + deadline.remaining()
    return await _in_thread(
        executor, lambda: _run_with_retries(engine, lambda connection: function(connection, *args), until)
    )


async def _in_thread(executor: ThreadPoolExecutor, function: Callable[[], T]) -> T:
    context = contextvars.copy_context()  # log lines carry the request's id
    return await asyncio.get_running_loop().run_in_executor(executor, lambda: context.run(function))


def _run_with_retries(engine: Engine, function: Callable[[Connection], T], until: float) -> T:
    max_pause_s = FIRST_PAUSE_S
    while True:
        try:
            return _run_once(engine, function)
        except SQLAlchemyError as error:
            pause_s = random.uniform(max_pause_s / 2, max_pause_s)  # noqa: S311 not a secret
            if not is_conflict(error) or time.monotonic() + pause_s >= until:
                if seen_error := _seen_error(error):
                    raise seen_error from error
                raise
        time.sleep(pause_s)
        max_pause_s = min(2 * max_pause_s, MAX_PAUSE_S)


def _run_once(engine: Engine, function: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return function(connection)


def _select_1(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


def _seen_error(error: SQLAlchemyError) -> SeenError | None:
    """The error to report to the caller; None for a bug in this program."""
    if is_conflict(error):
        return Aborted("conflict with concurrent changes; try again")
    if _number(error) in _STATEMENT_TIMEOUTS:
        return DeadlineExceeded("the account database took too long")
    is_broken = isinstance(error, DBAPIError) and error.connection_invalidated
    if is_broken or isinstance(error, OperationalError) or _number(error) == _NO_SUCH_TABLE:
        log.warning("the database does not answer: %s", getattr(error, "orig", error))
        return Unavailable("the account database does not answer; try again later")
    return None


def _number(error: SQLAlchemyError) -> int | None:
    """MySQL's error number."""
    arguments = getattr(getattr(error, "orig", None), "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None
