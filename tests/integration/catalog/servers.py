"""Real MongoDB servers, and datasets that use them."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import pymongo
import pytest

from scripts.local import mongod
from seen.v1 import catalog_pb2, catalog_pb2_grpc
from services.catalog.adapter import Adapter
from services.catalog.service import build
from services.catalog.settings import CatalogSettings
from services.catalog.store.documents import Document
from services.common import clients
from tests.ports import free_port

START_TIMEOUT_S = 30


class Server:
    """A mongod that keeps its port and files when it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.uri = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    def start(self) -> None:
        arguments = mongod.arguments(mongod.find(), self.port, self._folder, self._folder / "mongod.log")
        self._process = subprocess.Popen(arguments, env=os.environ | {"LC_ALL": "C"}, stdout=subprocess.DEVNULL)

    def wait(self) -> None:
        assert self._process is not None
        for _ in range(START_TIMEOUT_S * 20):
            assert self._process.poll() is None, (self._folder / "mongod.log").read_text()[-2000:]
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise TimeoutError(f"mongod does not answer on port {self.port}")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def started_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Two servers that answer."""
    servers = [Server(tmp_path_factory.mktemp("mongod")) for _ in range(2)]
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait()
        yield servers
    finally:
        for server in servers:
            server.kill()


def drop_database(servers: Iterable[Server], name: str) -> None:
    for server in servers:
        with pymongo.MongoClient[Document](server.uri) as client:
            client.drop_database(name)


@dataclass(frozen=True)
class Dataset:
    """A client of a running dataset."""

    stub: "catalog_pb2_grpc.CatalogAsyncStub"  # exists in the type stubs only
    channel: grpc.aio.Channel

    async def is_serving(self) -> bool:
        return await clients.is_serving(self.channel, timeout_s=2)

    async def wait_until(self, *, serving: bool) -> None:
        async with asyncio.timeout(20):
            while await self.is_serving() != serving:
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(adapter: Adapter, uris: Sequence[str], database: str) -> AsyncIterator[Dataset]:
    settings = CatalogSettings(
        port=0, metrics_port=0, health_interval_s=0.1, mongo_uris=",".join(uris), mongo_database=database
    )
    async with (
        build(adapter, settings) as server,
        server.running() as port,
        clients.connect(f"127.0.0.1:{port}", catalog_pb2.DESCRIPTOR.services_by_name["Catalog"]) as channel,
    ):
        yield Dataset(catalog_pb2_grpc.CatalogStub(channel), channel)
