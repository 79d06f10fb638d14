"""Runs work on the database outside the event loop: in bounded threads, in transactions, again after a conflict."""

import asyncio
import contextvars
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from services.account import engines, failures
from services.account.settings import DatabaseSettings
from services.common import deadline

# Pauses between attempts: doubled each time, and random, so that two that met do not meet again.
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.5

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Transactions:
    """Work is a function of a connection and its arguments. Nothing connects before the first of it."""

    def __init__(self, settings: DatabaseSettings) -> None:
        readers, writers = settings.database_threads, engines.writers(settings)
        self._reading = engines.reading(settings, readers + 1)
        self._writing = engines.writing(settings, writers)
        # Apart, so that reads do not queue behind writes that wait for locks, nor pings behind either.
        self._readers = ThreadPoolExecutor(readers, "read")
        self._writers = ThreadPoolExecutor(writers, "write")
        self._pinger = ThreadPoolExecutor(1, "ping")

    async def read(self, work: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        return await _in(self._readers, _repeated, self._reading, lambda connection: work(connection, *args))

    async def write(self, work: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """Returns once all that the work did is committed. Where it raises, nothing is; it may be run several times."""
        return await _in(self._writers, _repeated, self._writing, lambda connection: work(connection, *args))

    async def ping(self, work: Callable[[Connection], object]) -> None:
        """A read that says what is wrong in the database's own words."""
        await _in(self._pinger, _once, self._reading, work)

    def close(self) -> None:
        """Work that has begun still ends, at the latest by the database's time limit."""
        for executor in (self._readers, self._writers, self._pinger):
            executor.shutdown(wait=False, cancel_futures=True)
        self._reading.dispose()
        self._writing.dispose()


async def _in(
    executor: ThreadPoolExecutor,
    run: Callable[[Engine, Callable[[Connection], T], float], T],
    engine: Engine,
    work: Callable[[Connection], T],
) -> T:
    """A caller whose time is up leaves; work that has not begun by then never does."""
    until = time.monotonic() + deadline.remaining()
    context = contextvars.copy_context()  # what is logged carries the request's id
    return await asyncio.get_running_loop().run_in_executor(executor, lambda: context.run(run, engine, work, until))


def _once(engine: Engine, work: Callable[[Connection], T], _until: float) -> T:
    with engine.begin() as connection:
        return work(connection)


def _repeated(engine: Engine, work: Callable[[Connection], T], until: float) -> T:
    """Begins anew while others are in the way, until the caller has gone."""
    longest_s = FIRST_PAUSE_S
    while True:
        try:
            return _once(engine, work, until)
        except SQLAlchemyError as error:
            pause_s = random.uniform(longest_s / 2, longest_s)  # noqa: S311 no secret
            if not failures.is_conflict(error) or time.monotonic() + pause_s >= until:
                if seen_error := failures.named(error):
                    raise seen_error from error
                raise
        time.sleep(pause_s)
        longest_s = min(2 * longest_s, LONGEST_PAUSE_S)
