"""Shards that are killed, hang or start late."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Iterator

import prometheus_client
import pytest

from seen.v1.catalog_pb2 import CountItemsRequest, CreateItemRequest, GetItemRequest, ListItemsRequest
from seen.v1.types_pb2 import Item
from services.common.errors import AlreadyExists, DeadlineExceeded, SeenError, Unavailable
from services.imdb.adapter import ADAPTER as TITLES
from tests.integration.catalog.servers import Dataset, Server, running, started_servers

_numbers = itertools.count()


@pytest.fixture(scope="module")
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Two servers that a test may kill, if it starts them again."""
    with started_servers(tmp_path_factory) as servers:
        yield servers


@pytest.fixture
async def imdb(own_servers: list[Server]) -> AsyncIterator[Dataset]:
    async with running(TITLES, [server.uri for server in own_servers], f"test{next(_numbers)}") as dataset:
        await dataset.wait_until(serving=True)
        yield dataset


async def failure(dataset: Dataset, timeout: float = 3) -> SeenError:
    with pytest.raises(SeenError) as failed:
        await dataset.stub.CountItems(CountItemsRequest(), timeout=timeout)
    return failed.value


def shards_up() -> list[float | None]:
    labels = [{"service": TITLES.name, "shard": shard} for shard in ("1", "2")]
    return [prometheus_client.REGISTRY.get_sample_value("seen_shard_up", label) for label in labels]


async def test_the_metric_of_a_shard_is_0_while_its_server_is_down(imdb: Dataset, own_servers: list[Server]) -> None:
    assert shards_up() == [1, 1]
    own_servers[1].kill()
    await imdb.wait_until(serving=False)
    assert shards_up() == [1, 0]
    own_servers[1].start()
    await imdb.wait_until(serving=True)
    assert shards_up() == [1, 1]


async def test_acknowledged_items_survive_the_kill_of_a_shard(imdb: Dataset, own_servers: list[Server]) -> None:
    items = [await imdb.stub.CreateItem(CreateItemRequest(item=Item(name=str(number)))) for number in range(10)]
    own_servers[1].kill()

    await imdb.wait_until(serving=False)
    error = await failure(imdb)
    assert isinstance(error, Unavailable)
    assert error.message == "the imdb dataset's shard 2 does not answer"
    of_shard_1 = [item for item in items if item.id.startswith("1")]
    assert await imdb.stub.GetItem(GetItemRequest(id=of_shard_1[0].id)) == of_shard_1[0]

    own_servers[1].start()
    await imdb.wait_until(serving=True)
    listed = await imdb.stub.ListItems(ListItemsRequest(limit=100))
    assert sorted(item.id for item in listed.items) == sorted(item.id for item in items)


async def test_a_call_to_a_hanging_shard_ends_with_its_deadline(imdb: Dataset, own_servers: list[Server]) -> None:
    process = own_servers[0]._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)  # noqa: ASYNC222 - returns as soon as it has stopped
    try:
        async with asyncio.timeout(2):
            error = await failure(imdb, timeout=0.5)
        assert isinstance(error, DeadlineExceeded | Unavailable)
        assert "the imdb dataset's shard 1" in error.message
        await imdb.wait_until(serving=False)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    await imdb.wait_until(serving=True)


async def test_a_dataset_that_starts_before_its_shard_serves_once_the_shard_answers(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = Server(tmp_path_factory.mktemp("mongod"))
    async with running(TITLES, [server.uri], "seen") as imdb:
        assert not await imdb.is_serving()
        error = await failure(imdb)
        assert (type(error), error.message) == (Unavailable, "the imdb dataset does not answer")
        server.start()
        try:
            await imdb.wait_until(serving=True)
            await imdb.stub.CreateItem(CreateItemRequest(item=Item(name="a", source_id="tt1")))
            with pytest.raises(AlreadyExists):
                await imdb.stub.CreateItem(CreateItemRequest(item=Item(name="b", source_id="tt1")))
        finally:
            server.kill()
