"""The ASGI application: the path of each request, and the headers, metrics and log line of each response."""

import copy
import functools
import logging
import time
from collections.abc import Mapping
from typing import Any

import prometheus_client
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common import deadline, tracing
from services.common.metrics import BUCKETS
from services.gateway.http import cors, problems
from services.gateway.http.bodies import check_declared_length
from services.gateway.http.cache import Cache
from services.gateway.http.operations import Operation, Operations
from services.gateway.http.rate_limit import RateLimit, client_address
from services.gateway.http.responses import Tagged
from services.gateway.http.tokens import Token
from services.gateway.settings import GatewaySettings

access_log = logging.getLogger("access")

REQUESTS = prometheus_client.Counter(
    "http_requests", "Requests answered, by the operation's path template.", ("method", "route", "status")
)
SECONDS = prometheus_client.Histogram(
    "http_request_duration_seconds",
    "Time from a request's arrival to its answer.",
    ("method", "route"),
    buckets=BUCKETS,
)
IN_FLIGHT = prometheus_client.Gauge("http_requests_in_flight", "Requests being answered.")

# Label values are limited to these: a client must not be able to create time series.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
OTHER = "other"
PROBES = frozenset({"/healthz", "/readyz"})
MAX_LOGGED_PATH = 200

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)

PROPAGATED_HEADERS = frozenset(name.encode() for name in tracing.PROPAGATED)

# Requests with these headers take the full path: they need CORS headers, are not cached, or have a body.
FULL_PATH_HEADERS = frozenset({b"origin", b"range", b"content-length", b"transfer-encoding"})

# Key in a request's scope: the path template of its operation.
ROUTE = "seen.route"


class App:
    """A request passes through these methods, outermost first:

    1. `__call__`: request id, trace, deadline, security headers, metrics, and the line in the access log.
    2. `Cors`.
    3. `_respond`: sends the response, and turns exceptions into problems.
    4. `_dispatch`: from the request to a response.

    The fast path, `cached_messages`, does the work of all four for the most frequent requests: GET and HEAD with a
    cached response and nothing else to do. _HttpProtocol (server.py) tries it before it creates a task for the request,
    and `__call__` tries it for requests that come through a proxy. The full path reads the same cache for the rest:
    requests with an Origin, and all requests if there is a rate limit.
    """

    def __init__(
        self, operations: Operations, other_paths: ASGIApp, rate_limit: RateLimit | None, settings: GatewaySettings
    ) -> None:
        """`other_paths` answers requests for paths that are not in the specification."""
        self._operations = operations
        self._other_paths = other_paths
        self._deadline_s = settings.deadline_s
        self._max_body_bytes = settings.max_body_bytes
        self._rate_limit = rate_limit
        self._cache = (
            Cache(settings.cache_ttl_s, settings.cache_bytes, settings.deadline_s) if settings.cache_ttl_s else None
        )
        self._app = cors.Cors(self._respond, settings.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if messages := self.cached_messages(scope):
            for cached_message in messages:
                await send(cached_message)
            return
        started = time.perf_counter()
        _accept_ids(scope)
        common_headers = _common_headers()
        deadline.start(self._deadline_s)
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *common_headers]
            await send(message)

        IN_FLIGHT.inc()
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            IN_FLIGHT.dec()
            _record(scope, status, time.perf_counter() - started)

    def cached_messages(self, scope: Scope) -> tuple[Message, Message] | None:
        """The fast path: the ASGI messages of a cached response. None if the request must take the full path.

        Waits for nothing, and counts and logs the request.
        """
        if not self._cache or self._rate_limit or scope["method"] not in ("GET", "HEAD"):
            return None
        if any(name in FULL_PATH_HEADERS for name, _ in scope["headers"]):
            return None
        started = time.perf_counter()
        entry = self._cache.get((scope["path"], scope["query_string"]))
        if entry is None or not isinstance(entry.response, Tagged):
            return None
        scope[ROUTE] = entry.operation.path
        _accept_ids(scope)
        start, body = entry.response.messages(scope)
        start["headers"] = [*start["headers"], cors.VARY, *_common_headers()]
        _record(scope, start["status"], time.perf_counter() - started)
        return start, body

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Exceptions become problems, except that OPTIONS gets 204 with the supported methods."""
        try:
            response = await self._dispatch(scope, receive)
            await response(scope, receive, send)
        except Exception as error:
            if isinstance(error, HTTPException) and error.status_code == 405 and scope["method"] == "OPTIONS":
                await Response(status_code=204, headers=problems.allow(error))(scope, receive, send)
            else:
                await problems.response(error)(scope, receive, send)

    async def _dispatch(self, scope: Scope, receive: Receive) -> ASGIApp:
        """Look in the cache, match, authenticate, limit the rate, read and check the input, call the handler."""
        headers = Headers(scope=scope)
        check_declared_length(headers, self._max_body_bytes)

        cache = self._cache if scope["method"] in ("GET", "HEAD") and "range" not in headers else None
        target = (scope["path"], scope["query_string"])
        if cache and (entry := cache.get(target)):
            scope[ROUTE] = entry.operation.path
            return _with_headers(entry.response, self._limit_rate(scope, None))

        match = self._operations.match(scope["method"], scope["path"])
        if match is None:
            return self._other_paths
        operation, path_values = match
        scope[ROUTE] = operation.path

        token = await operation.access.authenticate(headers)
        rate_headers = self._limit_rate(scope, token)

        arguments = operation.parameters.read(path_values, scope["query_string"])
        if operation.body:
            arguments["body"] = await operation.body.read(headers, receive)
        if operation.wants_user:
            arguments["user"] = token.subject if token else None
        if operation.wants_headers:
            arguments["headers"] = headers

        if cache and operation.is_cacheable(arguments):
            response = (await cache.get_or_fill(target, operation, arguments)).response
        else:
            response = await self._call(operation, arguments)
        return _with_headers(response, rate_headers)

    async def _call(self, operation: Operation, arguments: Mapping[str, Any]) -> Response:
        try:
            return await operation.handler(**arguments)
        finally:  # even a write that fails may have changed something
            if self._cache and operation.writes:
                self._cache.invalidate(operation, arguments.get("type") or arguments.get("body", {}).get("type"))

    def _limit_rate(self, scope: Scope, token: Token | None) -> Mapping[str, str]:
        """Counts the request for its caller. Returns the RateLimit headers; raises a 429 problem over the limit."""
        if not self._rate_limit:
            return {}
        return self._rate_limit.take(token.subject if token else client_address(scope))


def _accept_ids(scope: Scope) -> None:
    """Uses the caller's request id and trace for this request, or creates them."""
    tracing.accept(
        (name.decode(), value.decode("latin-1")) for name, value in scope["headers"] if name in PROPAGATED_HEADERS
    )


def _common_headers() -> tuple[tuple[bytes, bytes], ...]:
    return *SECURITY_HEADERS, (b"x-request-id", (tracing.request_id() or "").encode())


def _with_headers(response: Response, headers: Mapping[str, str]) -> Response:
    """A copy of the response with more headers. The response itself may be in the cache, so it must not change."""
    if not headers:
        return response
    response = copy.copy(response)
    response.raw_headers = [
        *response.raw_headers,
        *((name.lower().encode(), value.encode()) for name, value in headers.items()),
    ]
    return response


@functools.cache
def _series(method: str, route: str, status: int) -> tuple[prometheus_client.Counter, prometheus_client.Histogram]:
    return REQUESTS.labels(method, route, status), SECONDS.labels(method, route)


def _record(scope: Scope, status: int, seconds: float) -> None:
    """Counts and logs a request that has been answered."""
    method = scope["method"] if scope["method"] in METHODS else OTHER
    route = scope.get(ROUTE, OTHER)
    count, duration = _series(method, route, status)
    count.inc()
    duration.observe(seconds)
    # The query is not logged: it may be private.
    access_log.log(
        logging.DEBUG if scope["path"] in PROBES else logging.INFO,
        "request",
        extra={
            "method": method,
            "route": route,
            "path": scope["path"][:MAX_LOGGED_PATH],
            "status": status,
            "ms": round(seconds * 1000, 2),
            "client": client_address(scope),
        },
    )
