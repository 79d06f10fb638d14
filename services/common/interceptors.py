"""What happens around every call: trace, deadline, metrics, and errors turned into codes."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import grpc
from grpc_health.v1 import health_pb2

from services.common import deadline, metrics, tracing
from services.common.errors import (
    GRPC_CODE,
    INTERNAL_MESSAGE,
    PASSED_ON,
    DeadlineExceeded,
    SeenError,
    details_metadata,
    passed_on_metadata,
    user_message,
)

log = logging.getLogger(__name__)

# Asked every few seconds, and it words its own refusals.
HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

# What another service's or a database's silence ends in. Not the caller's fault, so whoever looks for a request's id
# at the usual level finds where it went wrong.
SILENCE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})

# Told to callers who would try again (gRPC A6). A failure that a service itself reports has been waited for and retried
# further in: trying again at every hop would multiply. A connection that fails carries no such word, and is retried.
NO_RETRY = ("grpc-retry-pushback-ms", "-1")

Handler = Callable[[Any, Any], Awaitable[Any]]


class ServerInterceptor(grpc.aio.ServerInterceptor):
    """Wraps each unary method but health checks; streams, as of reflection, pass untouched."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Any, Any] | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        _, service, method = handler_call_details.method.split("/")
        if service == HEALTH:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            _around(cast(Handler, handler.unary_unary), service, method),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def _around(call: Handler, service: str, method: str) -> Handler:
    started_calls = metrics.STARTED.labels(service, method)
    seconds_of_method = metrics.HANDLING_SECONDS.labels(service, method)

    async def around(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        started_calls.inc()
        started = time.perf_counter()
        tracing.accept(_text_metadata(context))
        code, message = grpc.StatusCode.OK, ""
        try:
            allowed_s = _seconds_allowed(context)
            deadline.start(allowed_s)
            async with asyncio.timeout(allowed_s):
                return await call(request, context)
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except Exception as error:
            code, message, trailing = translate(error)
            await context.abort(code, message, (*trailing, NO_RETRY))
        finally:
            seconds = time.perf_counter() - started
            seconds_of_method.observe(seconds)
            metrics.HANDLED.labels(service, method, code.name).inc()
            log.log(
                logging.WARNING if code in SILENCE else logging.DEBUG,
                "call",
                extra={"method": method, "code": code.name, "error": message or None, "ms": round(seconds * 1000, 2)},
            )

    return around


def _seconds_allowed(context: grpc.aio.ServicerContext[Any, Any]) -> float:
    left = context.time_remaining()
    if left is None:
        return deadline.DEFAULT_S
    if left <= 0:
        raise TimeoutError  # the caller has gone; work done now would be for nobody
    return left


def translate(error: Exception) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """The code, message and trailing metadata under which an error leaves; one without a name is logged here."""
    if isinstance(error, SeenError):
        return GRPC_CODE[type(error)], error.message, details_metadata(error)
    if isinstance(error, TimeoutError):
        return translate(DeadlineExceeded("this took too long"))
    if isinstance(error, grpc.aio.AioRpcError) and error.code() in PASSED_ON:
        return error.code(), user_message(error), passed_on_metadata(error)
    log.error("unexpected error", exc_info=error)
    return grpc.StatusCode.INTERNAL, INTERNAL_MESSAGE, ()


def _text_metadata(context: grpc.aio.ServicerContext[Any, Any]) -> list[tuple[str, str]]:
    return [(key, value) for key, value in context.invocation_metadata() or () if isinstance(value, str)]
