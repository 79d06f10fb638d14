"""Serves the application with uvicorn, and stops it without dropping what has begun."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from connexion import AsyncApp

from services.gateway import app, auth, backends
from services.gateway.settings import GatewaySettings


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals are the business of __main__


@contextlib.asynccontextmanager
async def running(settings: GatewaySettings) -> AsyncIterator[int]:
    """Serves and yields the port; OSError if it is taken. In the end, requests in flight get `grace_s` seconds."""
    with socket.create_server((settings.host, settings.port), backlog=2048) as listener:
        async with backends.connect(settings) as all_backends, auth.http_client() as http:
            application, pages = app.build(settings, all_backends, auth.tokens(settings, http))
            server = _Uvicorn(_config(application, settings))
            serving = asyncio.create_task(server.serve([listener]))
            try:
                await server.ready.wait()
                yield listener.getsockname()[1]
            finally:
                pages.draining = True
                await asyncio.sleep(settings.drain_s)
                server.should_exit = True
                await serving


def _config(application: AsyncApp, settings: GatewaySettings) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,  # longer than a proxy keeps idle connections, so that it is the one that closes them
        timeout_graceful_shutdown=max(1, round(settings.grace_s)),
    )
