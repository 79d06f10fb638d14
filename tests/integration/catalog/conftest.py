"""Two MongoDB servers for all tests; each test has its own database on them."""

import itertools
import runpy
import sys
from collections.abc import AsyncIterator, Iterator

import pymongo
import pytest

from seen.v1.types_pb2 import ItemType
from services.book.adapter import ADAPTER as BOOKS
from services.catalog.store.documents import Document
from services.catalog.store.store import Store, connect
from tests.integration.catalog.lists import Shards
from tests.integration.catalog.loading import Loader, Outcome
from tests.integration.catalog.servers import Dataset, Server, drop_database, running, started_servers

_numbers = itertools.count()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    with started_servers(tmp_path_factory) as started:
        yield started


@pytest.fixture
def database(servers: list[Server]) -> Iterator[str]:
    """The name of an unused database."""
    name = f"test{next(_numbers)}"
    yield name
    drop_database(servers, name)


@pytest.fixture(params=[1, 2], ids=["one shard", "two shards"])
def uris(request: pytest.FixtureRequest, servers: list[Server]) -> list[str]:
    return [server.uri for server in servers[: request.param]]


@pytest.fixture
def two_uris(servers: list[Server]) -> list[str]:
    return [server.uri for server in servers]


@pytest.fixture
async def catalog(uris: list[str], database: str) -> AsyncIterator[Dataset]:
    """The book dataset, on one shard and on two."""
    async with running(BOOKS, uris, database) as dataset:
        await dataset.wait_until(serving=True)
        yield dataset


@pytest.fixture
async def store(two_uris: list[str], database: str) -> AsyncIterator[Store]:
    """The book dataset's store on two shards, without a server."""
    async with connect("book", ItemType.BOOK, two_uris, database) as connected:
        await connected.create_indexes()
        yield connected


@pytest.fixture
async def replica(two_uris: list[str], database: str) -> AsyncIterator[Store]:
    """A second store of the same dataset, as another process has it."""
    async with connect("book", ItemType.BOOK, two_uris, database) as connected:
        yield connected


@pytest.fixture
def shards(servers: list[Server], database: str) -> Iterator[Shards]:
    """The databases of the two shards, to inspect what was written."""
    clients = [pymongo.MongoClient[Document](server.uri) for server in servers]
    yield [client[database] for client in clients]
    for client in clients:
        client.close()


@pytest.fixture
def load(
    servers: list[Server], database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Loader:
    """Runs `python -m services.catalog.loader` in this process."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setenv("SEEN_MONGO_URIS", ",".join(server.uri for server in servers))
        monkeypatch.setenv("SEEN_MONGO_DATABASE", database)
        monkeypatch.setattr(sys, "argv", ["loader", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            runpy.run_module("services.catalog.loader", run_name="__main__")
        assert isinstance(end.value.code, int)
        return Outcome(end.value.code, *capsys.readouterr())

    return run
