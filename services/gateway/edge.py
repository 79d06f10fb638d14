"""What happens around every request: ids, deadline, metrics, one line in the log, and headers for every answer."""

import logging
import time
from collections.abc import Mapping

import prometheus_client
from connexion.middleware.abstract import ROUTING_CONTEXT
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common import deadline, tracing
from services.common.metrics import BUCKETS

log = logging.getLogger("access")

REQUESTS = prometheus_client.Counter(
    "http_requests", "Requests answered, by the operation's path and not the request's.", ("method", "route", "status")
)
SECONDS = prometheus_client.Histogram(
    "http_request_duration_seconds",
    "Time from a request's arrival to its answer.",
    ("method", "route"),
    buckets=BUCKETS,
)
IN_FLIGHT = prometheus_client.Gauge("http_requests_in_flight", "Requests being answered.")

# What anybody may send as a method or ask for as a path must not become a time series each.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
OTHER = "other"
PROBES = frozenset({"/healthz", "/readyz"})
LONGEST_LOGGED_PATH = 200

_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)


class Edge:
    def __init__(self, app: ASGIApp, *, deadline_s: float, routes: Mapping[str, str]) -> None:
        """`routes` are the operations' paths by their ids."""
        self._app = app
        self._deadline_s = deadline_s
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        tracing.accept((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        deadline.start(self._deadline_s)
        own_headers = (*_SECURITY, (b"x-request-id", (tracing.request_id() or "").encode()))
        scope["extensions"] = {}  # where the router says which operation it found
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *own_headers]
            await send(message)

        IN_FLIGHT.inc()
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            IN_FLIGHT.dec()
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else OTHER
        route = self._routes.get(scope["extensions"].get(ROUTING_CONTEXT, {}).get("operation_id"), OTHER)
        REQUESTS.labels(method, route, status).inc()
        SECONDS.labels(method, route).observe(seconds)
        # The query may hold what is nobody else's business, so it is not logged.
        log.log(
            logging.DEBUG if scope["path"] in PROBES else logging.INFO,
            "request",
            extra={
                "method": method,
                "route": route,
                "path": scope["path"][:LONGEST_LOGGED_PATH],
                "status": status,
                "ms": round(seconds * 1000, 2),
                "client": scope["client"][0] if scope.get("client") else None,
            },
        )
