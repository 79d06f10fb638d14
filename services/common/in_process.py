"""Calls between services in one process. Clients and servers see the same as over gRPC.

A server registers its methods under an address. A channel looks them up at each call, so services may start in any
order. Each call runs in its own task, on copies of the messages, with a deadline, metadata and a status.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message
from grpc.aio import AioRpcError, Metadata

from services.common.tasks import ignore_failure

SCHEME = "inproc:"

Method = Callable[[Any, Any], Coroutine[Any, Any, Any]]
_Metadata = tuple[tuple[str, str], ...]
_TrailingMetadata = tuple[tuple[str, str | bytes], ...]


class _Server:
    def __init__(self, methods: Mapping[str, Method]) -> None:
        self.methods = methods
        self.calls: set[asyncio.Task[Any]] = set()

    def finish(self, call: asyncio.Task[Any]) -> None:
        self.calls.discard(call)
        ignore_failure(call)


_servers: dict[str, _Server] = {}


@contextlib.asynccontextmanager
async def serving(address: str, methods: Mapping[str, Method], grace_s: float) -> AsyncIterator[None]:
    """Serves the methods while the context is open. At its end, calls in flight have `grace_s` seconds to finish."""
    if address in _servers:
        raise OSError(f"{address} is served already")
    server = _servers[address] = _Server(methods)
    try:
        yield
    finally:
        del _servers[address]
        if server.calls:
            _, late = await asyncio.wait(server.calls, timeout=grace_s)
            for call in late:
                call.cancel()
            await asyncio.gather(*late, return_exceptions=True)


class Channel:
    """The part of grpc.aio.Channel that clients.py needs."""

    def __init__(self, address: str) -> None:
        self._address = address

    def unary_unary(self, method: str, *_: Any, **__: Any) -> Callable[..., Awaitable[Any]]:
        async def call(request: Message, *, timeout: float, metadata: _Metadata) -> Any:  # noqa: ASYNC109 (as in gRPC)
            server = _servers.get(self._address)
            if server is None:
                raise _failure(grpc.StatusCode.UNAVAILABLE, f"no service at {self._address}")
            handler = server.methods.get(method)
            if handler is None:
                raise _failure(grpc.StatusCode.UNIMPLEMENTED, f"no method {method}")
            loop = asyncio.get_running_loop()
            task = loop.create_task(handler(_copy(request), _Context(loop.time() + timeout, metadata)))
            server.calls.add(task)
            task.add_done_callback(server.finish)
            try:
                await _wait(task, timeout)
            except asyncio.CancelledError:
                task.cancel()
                raise
            if not task.done():
                task.cancel()
                raise _failure(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
            if task.cancelled():
                raise _failure(grpc.StatusCode.CANCELLED, "the handler was cancelled")
            return _copy(task.result())

        return call

    async def close(self) -> None:
        pass


class _Context:
    """The context that a handler gets: the part of grpc.aio.ServicerContext that services use."""

    def __init__(self, expires: float, metadata: _Metadata) -> None:
        """`expires` is in the event loop's time."""
        self._expires = expires
        self._metadata = metadata

    def time_remaining(self) -> float:
        return self._expires - asyncio.get_running_loop().time()

    def invocation_metadata(self) -> _Metadata:
        return self._metadata

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: _TrailingMetadata = ()
    ) -> NoReturn:
        raise _failure(code, details, trailing_metadata)

    def set_code(self, code: grpc.StatusCode) -> None:
        """Ignored. Generated code calls it for a method that the servicer lacks, and then raises an exception."""

    def set_details(self, details: str) -> None:
        """Ignored, like set_code."""


async def _wait(task: asyncio.Task[Any], timeout_s: float) -> None:
    """Returns when the task is done or the time is up. asyncio.wait() does the same at twice the cost."""
    loop = asyncio.get_running_loop()
    finished = loop.create_future()

    def finish(_: object = None) -> None:
        if not finished.done():
            finished.set_result(None)

    task.add_done_callback(finish)
    timer = loop.call_later(timeout_s, finish)
    try:
        await finished
    finally:
        timer.cancel()


def _failure(code: grpc.StatusCode, details: str, trailing_metadata: _TrailingMetadata = ()) -> AioRpcError:
    return AioRpcError(code, Metadata(), Metadata(*trailing_metadata), details)


def _copy(message: Message) -> Message:
    """Copies a message, so that neither side sees what the other changes in it."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
