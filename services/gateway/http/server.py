"""Serves the application with uvicorn, and stops without dropping requests in flight."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.common import logs, metrics
from services.gateway.http.site import Site
from services.gateway.settings import GatewaySettings

MAX_HEAD_BYTES = 64 * 1024  # request line and headers; the default of uvicorn's other parser


class HttpServer:
    def __init__(self, app: ASGIApp, site: Site, settings: GatewaySettings) -> None:
        self._app = app
        self._site = site
        self._settings = settings

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Serves while the context is open; yields the port. OSError if it is taken.

        At the end /readyz is 503 for `drain_s` seconds, then requests in flight get `grace_s` seconds to finish.
        """
        settings = self._settings
        with socket.create_server((settings.host, settings.port), backlog=2048) as listener:
            server = _Uvicorn(
                uvicorn.Config(
                    self._app,
                    loop="uvloop",
                    http=_Protocol,
                    ws="none",
                    lifespan="off",
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    timeout_keep_alive=75,  # longer than proxies keep idle connections, so that they close them first
                    timeout_graceful_shutdown=max(1, round(settings.grace_s)),
                )
            )
            healthy = metrics.HEALTHY.labels(logs.service_name.get())
            serving = asyncio.create_task(
                server.serve([listener])
            )  # until it has started, connections wait in the backlog
            try:
                healthy.set(1)  # there is no dependency without which nothing works
                yield listener.getsockname()[1]
            finally:
                self._site.draining = True
                healthy.set(0)
                await asyncio.sleep(settings.drain_s)
                server.should_exit = True
                await serving


class _Protocol(HttpToolsProtocol):
    """Limits the request line and headers, which uvicorn's httptools protocol would keep in memory at any length."""

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
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The request line and headers are too long.")


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # process.run handles signals
