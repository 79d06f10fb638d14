"""Channels to the other services: each call carries the request's ids and deadline."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import grpc

from services.common import deadline, tracing

MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # a thousand books with long descriptions


class _CarryOn(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds the trace headers and what is left of the deadline; a caller's own timeout is kept if it is shorter."""

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        metadata = grpc.aio.Metadata(*(client_call_details.metadata or ()), *tracing.carried().items())
        timeout = deadline.for_next_hop()
        if client_call_details.timeout is not None:
            timeout = min(timeout, client_call_details.timeout)
        return await continuation(
            grpc.aio.ClientCallDetails(
                client_call_details.method,
                timeout,
                metadata,
                client_call_details.credentials,
                client_call_details.wait_for_ready,
            ),
            request,
        )


def connect(address: str, service: str = "", reads: Sequence[str] = ()) -> grpc.aio.Channel:
    """A channel that balances over all addresses behind the name, and tries `reads` again that found it UNAVAILABLE."""
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if reads:
        config["methodConfig"] = [
            {
                "name": [{"service": service, "method": method} for method in reads],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    return grpc.aio.insecure_channel(
        address,
        options=(
            ("grpc.service_config", json.dumps(config)),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            # A service that was restarted is found again within a second, not after gRPC's two minutes.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.keepalive_time_ms", 30_000),
        ),
        interceptors=[_CarryOn()],
    )
