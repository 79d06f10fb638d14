"""Builds all services as one server: the gateway on its port, the others joined to it in the process."""

import contextlib
import gc
from collections.abc import AsyncIterator, Callable
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
    def __init__(self, gateway: HttpServer, services: dict[str, GrpcServer]) -> None:
        self._gateway = gateway
        self._services = services

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Yields the gateway's port. The gateway starts last and stops first."""
        async with AsyncExitStack() as stack:
            for name, server in self._services.items():
                await _enter(stack, name, server.joined(address(name)))
            port = await _enter(stack, "gateway", self._gateway.running())
            # What has been imported and built so far stays: the garbage collector need not look at it again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)
            yield port


@contextlib.asynccontextmanager
async def build(settings: CompactSettings) -> AsyncIterator[CompactServer]:
    async with AsyncExitStack() as stack:
        services: dict[str, Callable[[], AbstractAsyncContextManager[GrpcServer]]] = {
            name: lambda name=name: catalog.build(datasets.get_adapter(name), settings.dataset(name))  # type: ignore[misc]
            for name in datasets.names()
        }
        services |= {
            "account": lambda: account.build(settings.account()),
            "spark_connector": lambda: spark_connector.build(settings.spark_connector()),
            "library": lambda: library.build(settings.library()),
        }
        servers = {name: await _enter(stack, name, build()) for name, build in services.items()}
        http = await _enter(stack, "gateway", gateway.build(settings.gateway()))
        yield CompactServer(http, servers)


async def _enter(stack: AsyncExitStack, service: str, context: AbstractAsyncContextManager[T]) -> T:
    """Enters the context as that service: its tasks, logs and metrics have the service's name."""
    token = logs.service_name.set(service)
    try:
        return await stack.enter_async_context(context)
    finally:
        logs.service_name.reset(token)
