"""Group commit on a SQLite file. While the test holds the writer, the writes that it starts wait for it together."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import IntegrityError

from services.account.database import engines
from services.account.database.group_commit import MAX_GROUP_SIZE, GroupCommit
from services.account.settings import DatabaseSettings
from services.common.errors import Aborted, DeadlineExceeded


class Writer:
    """A group commit, and the values that its writes have stored."""

    def __init__(self, engine: Engine, executor: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._group_commit = GroupCommit(executor, engine)
        self.commits = 0
        event.listen(engine, "commit", self._count)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
            connection.exec_driver_sql("CREATE TABLE stored (value TEXT, parent INTEGER REFERENCES parents (id))")
        self.commits = 0

    def _count(self, _connection: Connection) -> None:
        self.commits += 1

    def start(self, function: Callable[[Connection], str], timeout_s: float = 10) -> asyncio.Task[str]:
        return asyncio.create_task(self._group_commit.run(function, time.monotonic() + timeout_s))

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """The writer is busy while the context is open."""
        begun, released = threading.Event(), threading.Event()

        def hold(_connection: Connection) -> str:
            begun.set()
            released.wait(10)
            return ""

        holding = self.start(hold)
        await asyncio.to_thread(begun.wait, 10)
        yield
        await asyncio.sleep(0)  # tasks that were started in the context enqueue their writes
        released.set()
        await holding
        self.commits -= 1

    def stored(self) -> list[str]:
        with self._engine.begin() as connection:
            return [value for [value] in connection.exec_driver_sql("SELECT value FROM stored ORDER BY rowid")]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    settings = DatabaseSettings(database_url=SecretStr(f"sqlite:///{tmp_path}/accounts.db"))
    engine = engines.write_engine(settings, connections=1)
    with ThreadPoolExecutor(1) as executor:
        yield Writer(engine, executor)
    engine.dispose()


def store(value: str) -> Callable[[Connection], str]:
    def run(connection: Connection) -> str:
        connection.exec_driver_sql("INSERT INTO stored (value) VALUES (?)", (value,))
        return value

    return run


def fail(connection: Connection) -> str:
    store("failed")(connection)
    raise Aborted("failed")


def fail_in_commit(connection: Connection) -> str:
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    connection.exec_driver_sql("INSERT INTO stored VALUES ('orphan', 1)")
    return "orphan"


async def test_writes_that_wait_together_share_a_commit_and_get_their_own_results(writer: Writer) -> None:
    async with writer.held():
        writes = [writer.start(store(str(number))) for number in range(20)]
    results = await asyncio.gather(*writes)
    assert writer.commits == 1
    assert results == writer.stored() == [str(number) for number in range(20)]


async def test_a_group_has_a_maximum_size(writer: Writer) -> None:
    async with writer.held():
        writes = [writer.start(store(str(number))) for number in range(MAX_GROUP_SIZE + 1)]
    await asyncio.gather(*writes)
    assert writer.commits == 2


@pytest.mark.parametrize(("failing", "error"), [(fail, Aborted), (fail_in_commit, IntegrityError)])
async def test_a_write_that_fails_affects_no_other(
    writer: Writer, failing: Callable[[Connection], str], error: type[Exception]
) -> None:
    async with writer.held():
        writes = [writer.start(function) for function in (store("before"), failing, store("after"))]
    before, failed, after = await asyncio.gather(*writes, return_exceptions=True)
    assert (before, after) == ("before", "after")
    assert isinstance(failed, error)
    assert writer.stored() == ["before", "after"]


async def test_results_are_reported_after_the_commit(writer: Writer) -> None:
    async with writer.held():
        write = writer.start(store("value"))
        await asyncio.sleep(0.05)
        assert not write.done()
    await write
    assert writer.commits == 1


async def test_a_write_is_not_begun_after_its_deadline(writer: Writer) -> None:
    async with writer.held():
        late, in_time = writer.start(store("late"), timeout_s=0.02), writer.start(store("in time"))
        await asyncio.sleep(0.05)
    with pytest.raises(DeadlineExceeded):
        await late
    assert await in_time == "in time"
    assert writer.stored() == ["in time"]


async def test_a_write_whose_caller_has_left_is_not_begun(writer: Writer) -> None:
    async with writer.held():
        left, waits = writer.start(store("left")), writer.start(store("waits"))
        await asyncio.sleep(0.01)
        left.cancel()
    assert await waits == "waits"
    assert writer.stored() == ["waits"]


async def test_the_writer_starts_again_after_a_pause(writer: Writer) -> None:
    for value in ("first", "second"):
        assert await writer.start(store(value)) == value
        await asyncio.sleep(0.01)
    assert writer.stored() == ["first", "second"]
