"""Serves the application with uvicorn, and stops without dropping requests in flight."""

import asyncio
import contextlib
import contextvars
import socket
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from typing import Any, cast

import uvicorn
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from services.common import logs, metrics
from services.gateway.http.app import App
from services.gateway.http.site import Site
from services.gateway.settings import GatewaySettings

FORWARDED = frozenset({b"x-forwarded-for", b"x-forwarded-proto"})  # uvicorn's middleware reads them
MAX_HEAD_BYTES = 64 * 1024  # request line and headers; the default of uvicorn's other parser


class HttpServer:
    def __init__(self, app: App, site: Site, settings: GatewaySettings) -> None:
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

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Sends what the cache has at once: a task would take as long as all the rest of such a request."""
        scope: Any = cycle.scope
        is_direct = not any(name in FORWARDED for name, _ in scope["headers"])
        if is_direct and not self.pipeline and not self.flow.write_paused:
            gateway = cast(App, self.config.app)
            if messages := contextvars.copy_context().run(gateway.answer_from_cache, scope):
                return _run(cycle.run_asgi(_sender(messages)))
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head_bytes += len(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The request line and headers are too long.")


def _sender(messages: Iterable[Message]) -> Any:
    """An ASGI application that sends them."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine that waits for nothing."""
    with contextlib.suppress(StopIteration):
        coroutine.send(None)


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # process.run handles signals
