"""A gRPC server, and what happens around each of its calls: trace, deadline, metrics, errors as statuses."""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, cast

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import Counter

from services.common import clients, deadline, in_process, logs, metrics, status, tracing
from services.common.errors import INTERNAL_MESSAGE, DeadlineExceeded, SeenError
from services.common.health import Health, Ping
from services.common.settings import GrpcSettings

log = logging.getLogger(__name__)

# The second parameter of a servicer's methods.
Context = grpc.aio.ServicerContext[Any, Any]
Handler = Callable[[Any, Context], Awaitable[Any]]
MethodHandler = Any  # grpc.RpcMethodHandler, which has no type arguments at run time

# Status codes that mean a dependency did not answer; logged at WARNING.
NO_ANSWER_CODES = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})

# Tells clients not to retry (gRPC proposal A6). A failure that a service reports has already been retried where it
# occurred; retries at every hop would multiply. A broken connection carries no such metadata and is retried.
NO_RETRY = ("grpc-retry-pushback-ms", "-1")


class GrpcServer:
    """One gRPC service with health, reflection, errors, deadlines and metrics, on a port or in process.

    `add` is the generated function that adds `servicer` to a server. `ping` raises while a dependency that the service
    cannot work without does not answer.
    """

    def __init__(
        self,
        settings: GrpcSettings,
        service: ServiceDescriptor,
        add: Callable[[Any, grpc.aio.Server], None],
        servicer: Any,
        ping: Ping,
    ) -> None:
        self._settings = settings
        self._service = service
        self._handlers: dict[str, dict[str, MethodHandler]] = {}
        self._health = Health(service.full_name, ping, settings.health_interval_s)
        add(servicer, cast(grpc.aio.Server, _Registrar(self._handlers, wrap=True)))
        health_pb2_grpc.add_HealthServicer_to_server(
            self._health.servicer, cast(grpc.aio.Server, _Registrar(self._handlers, wrap=False))
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Serves while the context is open; yields the port. OSError if it is taken.

        At the end, calls in flight have `grace_s` seconds to finish.
        """
        server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", clients.MAX_MESSAGE_BYTES),
                ("grpc.so_reuseport", 0),  # a second server on the port fails to start instead of sharing the calls
            ),
        )
        for service, handlers in self._handlers.items():
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        reflection.enable_server_reflection((*self._handlers, reflection.SERVICE_NAME), server)
        address = f"{self._settings.host}:{self._settings.port}"
        try:
            port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: is the port taken?") from error
        await server.start()
        await self._health.start()
        try:
            yield port
        finally:
            await self._health.shut_down()
            await server.stop(self._settings.grace_s)

    @contextlib.asynccontextmanager
    async def running_in_process(self, address: str) -> AsyncIterator[None]:
        """Serves clients in the same process, under this in-process address, while the context is open."""
        methods = {
            f"/{service}/{name}": handler.unary_unary
            for service, handlers in self._handlers.items()
            for name, handler in handlers.items()
            if handler.unary_unary
        }
        async with in_process.serving(address, methods, self._settings.grace_s):
            await self._health.start()
            try:
                yield
            finally:
                await self._health.shut_down()


class _Registrar:
    """Stands in for the server that generated code adds handlers to, and collects them.

    `wrap` wraps each handler once, which is cheaper than an interceptor. Health checks are not wrapped: they have their
    own errors, and are too frequent to be counted and logged.
    """

    def __init__(self, handlers: dict[str, dict[str, MethodHandler]], *, wrap: bool) -> None:
        self._handlers = handlers
        self._wrap = wrap

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """Ignored. Generated code registers each method twice; add_registered_method_handlers gets the names, too."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, MethodHandler]) -> None:
        self._handlers[service] = {
            method: grpc.unary_unary_rpc_method_handler(
                _wrap(cast(Handler, handler.unary_unary), service, method),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
            if self._wrap
            else handler
            for method, handler in handlers.items()
        }


def _wrap(handler: Handler, service: str, method: str) -> Handler:
    name = logs.service_name.get()
    started_calls = metrics.STARTED.labels(name, service, method)
    handling_seconds = metrics.HANDLING_SECONDS.labels(name, service, method)

    @functools.cache
    def handled_calls(code: grpc.StatusCode) -> Counter:
        return metrics.HANDLED.labels(name, service, method, code.name)

    async def handle(request: Any, context: Context) -> Any:
        started_calls.inc()
        started = time.perf_counter()
        logs.service_name.set(name)
        tracing.accept(context.invocation_metadata() or ())
        code, message = grpc.StatusCode.OK, ""
        try:
            timeout_s = _timeout_s(context)
            deadline.start(timeout_s)
            async with asyncio.timeout(timeout_s):
                return await handler(request, context)
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except Exception as error:
            code, message, trailing = _status_of(error)
            await context.abort(code, message, (*trailing, NO_RETRY))
        finally:
            seconds = time.perf_counter() - started
            handling_seconds.observe(seconds)
            handled_calls(code).inc()
            level = logging.WARNING if code in NO_ANSWER_CODES else logging.DEBUG
            if log.isEnabledFor(level):
                ms = round(seconds * 1000, 2)
                log.log(level, "call", extra={"method": method, "code": code.name, "error": message or None, "ms": ms})

    return handle


def _timeout_s(context: Context) -> float:
    remaining = context.time_remaining()
    if remaining is None:
        return deadline.DEFAULT_S
    if remaining <= 0:
        raise TimeoutError  # the caller no longer waits for the answer
    return remaining


def _status_of(error: Exception) -> tuple[grpc.StatusCode, str, status.Metadata]:
    """Code, message and trailing metadata. An unexpected error is logged, and reported as INTERNAL."""
    if isinstance(error, TimeoutError):
        error = DeadlineExceeded(status.TIMED_OUT)
    if isinstance(error, SeenError) and (code := status.code_of(error)):
        return code, error.message, status.trailing_metadata(error, code)
    log.error("unexpected error", exc_info=error)
    return grpc.StatusCode.INTERNAL, INTERNAL_MESSAGE, ()
