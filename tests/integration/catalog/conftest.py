"""Two MongoDB servers for the whole run; each test has a database of its own on them."""

import itertools
from collections.abc import AsyncIterator, Iterator

import pymongo
import pytest
from pymongo.synchronous.database import Database

from services.book.adapter import ADAPTER as BOOKS
from services.catalog import connection
from services.catalog.documents import Document
from services.catalog.store import Store
from services.common.health import SERVING
from tests.integration.catalog.servers import Dataset, Server, running

_numbers = itertools.count()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    started = [Server(tmp_path_factory.mktemp("mongod")) for _ in range(2)]
    try:
        for server in started:
            server.start()
        for server in started:
            server.wait()
        yield started
    finally:
        for server in started:
            server.kill()


@pytest.fixture
def database(servers: list[Server]) -> Iterator[str]:
    """The name of a database that exists on no server yet."""
    name = f"test{next(_numbers)}"
    yield name
    for server in servers:
        with pymongo.MongoClient[Document](server.uri) as client:
            client.drop_database(name)


@pytest.fixture(params=[1, 2], ids=["one shard", "two shards"])
def uris(request: pytest.FixtureRequest, servers: list[Server]) -> list[str]:
    return [server.uri for server in servers[: request.param]]


@pytest.fixture
def two_uris(servers: list[Server]) -> list[str]:
    return [server.uri for server in servers]


@pytest.fixture
async def catalog(uris: list[str], database: str) -> AsyncIterator[Dataset]:
    """The book dataset on one shard, then on two."""
    async with running(BOOKS, uris, database) as dataset:
        await dataset.until(SERVING)
        yield dataset


@pytest.fixture
async def store(two_uris: list[str], database: str) -> AsyncIterator[Store]:
    """The book dataset's store on two shards, without a service around it."""
    async with connection.connect("book", two_uris, database) as connected:
        await connected.make_indexes()
        yield connected


@pytest.fixture
def shards(servers: list[Server], database: str) -> Iterator[list[Database[Document]]]:
    """The databases behind the two shards, to look at what was written."""
    clients = [pymongo.MongoClient[Document](server.uri) for server in servers]
    yield [client[database] for client in clients]
    for client in clients:
        client.close()
