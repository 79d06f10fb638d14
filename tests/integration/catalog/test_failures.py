"""A shard that dies, one that hangs and one that is not there yet."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator

import grpc
import prometheus_client
import pytest

from seen.v1.catalog_pb2 import CountItemsRequest, CreateItemRequest, GetItemRequest, ListItemsRequest
from seen.v1.types_pb2 import Item
from services.common.health import NOT_SERVING, SERVING
from services.imdb.adapter import ADAPTER as TITLES
from tests.integration.catalog.servers import Dataset, Server, running


@pytest.fixture
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Two servers to be killed."""
    servers = [Server(tmp_path_factory.mktemp("mongod")) for _ in range(2)]
    for server in servers:
        server.start()
    try:
        for server in servers:
            server.wait()
        yield servers
    finally:
        for server in servers:
            server.kill()


@pytest.fixture
async def imdb(own_servers: list[Server]) -> AsyncIterator[Dataset]:
    async with running(TITLES, [server.uri for server in own_servers], "seen") as dataset:
        await dataset.until(SERVING)
        yield dataset


async def failure(dataset: Dataset, timeout: float = 3) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await dataset.stub.CountItems(CountItemsRequest(), timeout=timeout)
    return failed.value


def shards_up() -> list[float | None]:
    """As the metrics tell it."""
    return [prometheus_client.REGISTRY.get_sample_value("seen_shard_up", {"shard": shard}) for shard in ("1", "2")]


async def test_metrics_tell_which_shard_is_down(imdb: Dataset, own_servers: list[Server]) -> None:
    assert shards_up() == [1, 1]
    own_servers[1].kill()
    await imdb.until(NOT_SERVING)
    assert shards_up() == [1, 0]


async def test_what_was_acknowledged_survives_the_kill_of_a_shard(imdb: Dataset, own_servers: list[Server]) -> None:
    items = [await imdb.stub.CreateItem(CreateItemRequest(item=Item(name=str(number)))) for number in range(10)]
    own_servers[1].kill()

    await imdb.until(NOT_SERVING)
    error = await failure(imdb)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert error.details() == "the imdb dataset's shard 2 does not answer"
    of_shard_1 = [item for item in items if item.id.startswith("1")]
    assert await imdb.stub.GetItem(GetItemRequest(id=of_shard_1[0].id)) == of_shard_1[0]

    own_servers[1].start()
    await imdb.until(SERVING)
    listed = await imdb.stub.ListItems(ListItemsRequest(limit=100))
    assert sorted(item.id for item in listed.items) == sorted(item.id for item in items)


async def test_a_shard_that_hangs_takes_no_longer_than_the_deadline(imdb: Dataset, own_servers: list[Server]) -> None:
    process = own_servers[0]._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)  # noqa: ASYNC222 - all its threads stop at once
    try:
        async with asyncio.timeout(2):
            error = await failure(imdb, timeout=0.5)
        assert error.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)
        assert "the imdb dataset's shard 1" in (error.details() or "")
        await imdb.until(NOT_SERVING)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    await imdb.until(SERVING)


async def test_a_dataset_starts_before_its_shards_and_serves_when_they_come(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = Server(tmp_path_factory.mktemp("mongod"))
    async with running(TITLES, [server.uri], "seen") as imdb:
        assert await imdb.status() == NOT_SERVING
        error = await failure(imdb)
        assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "the imdb dataset does not answer")
        server.start()
        try:
            await imdb.until(SERVING)
            await imdb.stub.CreateItem(CreateItemRequest(item=Item(name="a", source_id="tt1")))
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await imdb.stub.CreateItem(CreateItemRequest(item=Item(name="b", source_id="tt1")))
            assert failed.value.code() is grpc.StatusCode.ALREADY_EXISTS
        finally:
            server.kill()
