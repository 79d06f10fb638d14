"""Starting and stopping a gRPC service, written once for all of them."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.common import clients, logs, metrics
from services.common.health import Health, Ping
from services.common.interceptors import ServerInterceptor
from services.common.settings import GrpcSettings

log = logging.getLogger(__name__)

# What a servicer's methods are given beside the request.
Context = grpc.aio.ServicerContext[Any, Any]
# Opens what a service needs, yields it ready to start, and closes what was opened.
Main = Callable[[], contextlib.AbstractAsyncContextManager["GrpcService"]]


class GrpcService:
    """One gRPC server with health, reflection, errors, deadlines and metrics.

    `full_name` is the protocol's ("seen.v1.Catalog"), `add` the generated function that adds `servicer` to a server;
    `ping` fails while what the service cannot work without does not answer.
    """

    def __init__(
        self,
        settings: GrpcSettings,
        full_name: str,
        add: Callable[[Any, grpc.aio.Server], None],
        servicer: Any,
        ping: Ping,
    ) -> None:
        self._settings = settings
        self._server = grpc.aio.server(
            interceptors=[ServerInterceptor()],
            options=(
                ("grpc.max_receive_message_length", clients.MAX_MESSAGE_BYTES),
                ("grpc.so_reuseport", 0),  # a busy port is an error, not a second server that takes half the calls
            ),
        )
        add(servicer, self._server)
        self._health = Health([full_name], ping, settings.health_interval_s)
        health_pb2_grpc.add_HealthServicer_to_server(self._health.servicer, self._server)
        reflection.enable_server_reflection(
            (full_name, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME),
            self._server,
        )

    async def start(self) -> int:
        """Serves from now on, NOT_SERVING until the first successful ping. Returns the port; OSError if it is taken."""
        address = f"{self._settings.host}:{self._settings.port}"
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: is the port taken?") from error
        await self._server.start()
        await self._health.start()
        return port

    async def stop(self) -> None:
        """Lets the calls in flight finish, for `grace_s` seconds at most."""
        await self._health.shut_down()
        await self._server.stop(self._settings.grace_s)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        port = await self.start()
        try:
            yield port
        finally:
            await self.stop()


def run(name: str, settings: GrpcSettings, main: Main) -> None:
    """Runs a service until SIGTERM or SIGINT."""
    logs.set_up(name, settings.log_level)
    try:
        asyncio.run(_run(settings, main))
    except OSError as error:
        sys.exit(f"{name}: {error}")
    log.info("stopped")


async def _run(settings: GrpcSettings, main: Main) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    metrics.start(settings.host, settings.metrics_port)
    async with main() as service, service.running() as port:
        log.info("listening", extra={"port": port})
        await stopped.wait()
        log.info("stopping")
