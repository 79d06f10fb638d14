"""Channels to other services. Calls carry the request's ids and deadline, and raise the errors of errors.py."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Self, cast

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from grpc_health.v1 import health_pb2

from services.common import deadline, in_process, status, tracing
from services.common.errors import SeenError

MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # a thousand books with long descriptions


class _Channel:
    """The part of grpc.aio.Channel that generated stubs use. Wrapping each call costs a third of an interceptor."""

    def __init__(self, channel: grpc.aio.Channel | in_process.Channel) -> None:
        self._channel = channel

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Callable[..., Awaitable[Any]]:
        multi_callable: Callable[..., Awaitable[Any]] = self._channel.unary_unary(method, *args, **options)

        async def call(request: Any, timeout: float | None = None) -> Any:  # noqa: ASYNC109 (as gRPC names it)
            """A timeout shortens the request's deadline, and never extends it."""
            remaining = deadline.for_next_hop()
            try:
                return await multi_callable(
                    request,
                    timeout=remaining if timeout is None else min(remaining, timeout),
                    metadata=tracing.propagated(),
                )
            except grpc.aio.AioRpcError as failure:
                raise status.error_from(failure) from failure

        return call

    async def close(self) -> None:
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


def connect(address: str, service: ServiceDescriptor) -> grpc.aio.Channel:
    """Opens a channel for the service's generated stub. Calls are balanced over all IP addresses of a host name.

    Methods that the proto marks NO_SIDE_EFFECTS are retried when the connection fails.
    """
    if address.startswith(in_process.SCHEME):
        return cast(grpc.aio.Channel, _Channel(in_process.Channel(address)))
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if reads := [method.name for method in service.methods if _is_read(method.GetOptions())]:
        config["methodConfig"] = [
            {
                "name": [{"service": service.full_name, "method": method} for method in reads],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    channel = grpc.aio.insecure_channel(
        address,
        options=(
            ("grpc.service_config", json.dumps(config)),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            # gRPC's default would wait up to two minutes before it tries a restarted service again.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.keepalive_time_ms", 30_000),
        ),
    )
    return cast(grpc.aio.Channel, _Channel(channel))


def _is_read(options: MethodOptions) -> bool:
    return options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS


async def is_serving(channel: grpc.aio.Channel, timeout_s: float) -> bool:
    """Whether the standard health service at the other end reports SERVING."""
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    try:
        response = await check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
    except SeenError:
        return False
    return bool(response.status == health_pb2.HealthCheckResponse.SERVING)
