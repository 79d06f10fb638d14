"""Two MongoDB servers for all tests; each test has its own database on them."""

import itertools
from collections.abc import AsyncIterator, Iterator

import pymongo
import pytest
from pymongo.synchronous.database import Database

from seen.v1.types_pb2 import ItemType
from services.book.adapter import ADAPTER as BOOKS
from services.catalog.store.documents import Document
from services.catalog.store.store import Store, connect
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
    """The name of an unused database."""
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
def shards(servers: list[Server], database: str) -> Iterator[list[Database[Document]]]:
    """The databases of the two shards, to inspect what was written."""
    clients = [pymongo.MongoClient[Document](server.uri) for server in servers]
    yield [client[database] for client in clients]
    for client in clients:
        client.close()
