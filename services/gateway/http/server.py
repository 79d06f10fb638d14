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
from services.gateway.http.other_paths import OtherPaths
from services.gateway.settings import GatewaySettings

PROXY_HEADERS = frozenset({b"x-forwarded-for", b"x-forwarded-proto"})  # read by uvicorn's middleware, in a task
MAX_HEAD_BYTES = 64 * 1024  # request line and headers; the same limit as in uvicorn's h11 protocol


class HttpServer:
    def __init__(self, app: App, other_paths: OtherPaths, settings: GatewaySettings) -> None:
        self._app = app
        self._other_paths = other_paths
        self._settings = settings

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Serves while the context is open; yields the port. OSError if it is taken.

        At the end, /readyz is 503 for `drain_s` seconds; then requests in flight have `grace_s` seconds to finish.
        """
        settings = self._settings
        with socket.create_server((settings.host, settings.port), backlog=2048) as listener:
            server = _Uvicorn(
                uvicorn.Config(
                    self._app,
                    loop="uvloop",
                    http=_HttpProtocol,
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
            # Until uvicorn has started, connections wait in the listener's backlog.
            serving = asyncio.create_task(server.serve([listener]))
            try:
                healthy.set(1)  # no dependency is required for all requests
                yield listener.getsockname()[1]
            finally:
                self._other_paths.draining = True
                healthy.set(0)
                await asyncio.sleep(settings.drain_s)
                server.should_exit = True
                await serving


class _HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with two changes.

    The length of the request line and headers is limited. A cached response is sent at once, without a task for the
    request, which would take as long as the rest of such a request.
    """

    _in_head = False
    _head_bytes = 0

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        scope: Any = cycle.scope
        is_direct = not any(name in PROXY_HEADERS for name, _ in scope["headers"])
        if is_direct and not self.pipeline and not self.flow.write_paused:
            gateway = cast(App, self.config.app)
            if messages := contextvars.copy_context().run(gateway.cached_messages, scope):
                return _run(cycle.run_asgi(_sender(messages)))
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head_bytes += len(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The request line and headers are too long.")


def _sender(messages: Iterable[Message]) -> Any:
    """An ASGI application that sends these messages."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine that never waits, without a task."""
    with contextlib.suppress(StopIteration):
        coroutine.send(None)


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # process.run handles signals
