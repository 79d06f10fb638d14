"""Serves the application with uvicorn, and stops it without dropping what has begun."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from connexion import AsyncApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.common import metrics
from services.gateway import app, auth, backends
from services.gateway.settings import GatewaySettings

LONGEST_HEAD = 64 * 1024  # bytes, as uvicorn's other parser has it


class _Connection(HttpToolsProtocol):
    """uvicorn's, which would keep a request line and headers of any length in memory."""

    _in_head = False
    _head_bytes = 0

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head_bytes += len(data)
        if self._in_head and self._head_bytes > LONGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The request line and headers are too long.")


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
                metrics.HEALTHY.set(1)  # there is nothing that it cannot work without
                yield listener.getsockname()[1]
            finally:
                pages.draining = True
                metrics.HEALTHY.set(0)
                await asyncio.sleep(settings.drain_s)
                server.should_exit = True
                await serving


def _config(application: AsyncApp, settings: GatewaySettings) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        loop="uvloop",
        http=_Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,  # longer than a proxy keeps idle connections, so that it is the one that closes them
        timeout_graceful_shutdown=max(1, round(settings.grace_s)),
    )
