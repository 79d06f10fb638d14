"""A server whose answers the test chooses, and channels to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from seen.v1 import catalog_pb2, catalog_pb2_grpc
from seen.v1.types_pb2 import Item
from services.common import in_process
from services.common.server import Context, GrpcServer
from services.common.settings import GrpcSettings

CATALOG = catalog_pb2.DESCRIPTOR.services_by_name["Catalog"]
SETTINGS = GrpcSettings(port=0, metrics_port=0, health_interval_s=0.05, grace_s=2)
Answer = Callable[[], Awaitable[Item]]


class Servicer(catalog_pb2_grpc.CatalogServicer):
    """Answers GetItem and CreateItem with whatever the test wants."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def GetItem(self, request: catalog_pb2.GetItemRequest, context: Context) -> Item:
        return await self.answer()

    async def CreateItem(self, request: catalog_pb2.CreateItemRequest, context: Context) -> Item:
        return await self.answer()


class Dependency:
    """Something that the service cannot work without."""

    up = True

    async def ping(self) -> None:
        if not self.up:
            raise ConnectionError("down")


def server_with(answer: Answer, dependency: Dependency | None = None, port: int = 0) -> GrpcServer:
    return GrpcServer(
        SETTINGS.model_copy(update={"port": port}),
        CATALOG,
        catalog_pb2_grpc.add_CatalogServicer_to_server,
        Servicer(answer),  # type: ignore[abstract]
        (dependency or Dependency()).ping,
    )


Serve = Callable[[GrpcServer], AbstractAsyncContextManager[str]]
ClientOf = Callable[[Answer], AbstractAsyncContextManager[grpc.aio.Channel]]


@asynccontextmanager
async def serve_on_port(server: GrpcServer) -> AsyncIterator[str]:
    async with server.running() as port:
        yield f"127.0.0.1:{port}"


@asynccontextmanager
async def serve_in_process(server: GrpcServer) -> AsyncIterator[str]:
    address = f"{in_process.SCHEME}{id(server)}"
    async with server.running_in_process(address):
        yield address


@asynccontextmanager
async def plain_channel_to(answer: Answer, dependency: Dependency | None = None) -> AsyncIterator[grpc.aio.Channel]:
    """A channel of gRPC itself, without clients.py."""
    async with (
        server_with(answer, dependency).running() as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


async def call(channel: grpc.aio.Channel, timeout: float | None = 5) -> Item:
    return await catalog_pb2_grpc.CatalogStub(channel).GetItem(catalog_pb2.GetItemRequest(id="1"), timeout=timeout)


async def health_of(channel: grpc.aio.Channel, name: str = "") -> int:
    request = health_pb2.HealthCheckRequest(service=name)
    return int((await health_pb2_grpc.HealthStub(channel).Check(request, timeout=5)).status)


async def wait_for_health(expected: int, channel: grpc.aio.Channel) -> None:
    async with asyncio.timeout(5):
        while await health_of(channel) != expected:
            await asyncio.sleep(0.01)


def raising(error: BaseException) -> Answer:
    async def answer() -> Item:
        raise error

    return answer


async def item() -> Item:
    return Item()
