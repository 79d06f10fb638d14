"""Builds all services as one server: the gateway listens on its port, the others serve in-process addresses."""

import contextlib
import gc
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TypeVar

from services.account import service as account
from services.catalog import datasets
from services.catalog import service as catalog
from services.common import logs
from services.common.server import GrpcServer
from services.compact.settings import CompactSettings, address
from services.gateway import service as gateway
from services.gateway.http.server import HttpServer
from services.library import service as library
from services.spark_connector import service as spark_connector

T = TypeVar("T")

# Collect young objects less often: nearly all of them are freed by reference counting.
GC_THRESHOLDS = (10_000, 20, 20)


class CompactServer:
    def __init__(self, gateway: HttpServer, servers: dict[str, GrpcServer]) -> None:
        self._gateway = gateway
        self._servers = servers

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Yields the gateway's port. The gateway starts last and stops first."""
        async with AsyncExitStack() as stack:
            for name, server in self._servers.items():
                await _enter(stack, name, server.running_in_process(address(name)))
            port = await _enter(stack, "gateway", self._gateway.running())
            # Everything imported and built so far is permanent, so the garbage collector need not scan it again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)
            yield port


@contextlib.asynccontextmanager
async def build(settings: CompactSettings) -> AsyncIterator[CompactServer]:
    async with AsyncExitStack() as stack:
        builds = {name: catalog.build(datasets.get_adapter(name), settings.dataset(name)) for name in datasets.names()}
        builds |= {
            "account": account.build(settings.account()),
            "spark_connector": spark_connector.build(settings.spark_connector()),
            "library": library.build(settings.library()),
        }
        servers = {name: await _enter(stack, name, build) for name, build in builds.items()}
        http_server = await _enter(stack, "gateway", gateway.build(settings.gateway()))
        yield CompactServer(http_server, servers)


async def _enter(stack: AsyncExitStack, service: str, context: AbstractAsyncContextManager[T]) -> T:
    """Enters the context under the service's name, which its tasks inherit for their logs and metrics."""
    token = logs.service_name.set(service)
    try:
        return await stack.enter_async_context(context)
    finally:
        logs.service_name.reset(token)
