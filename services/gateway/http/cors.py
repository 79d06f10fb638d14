"""CORS: which origins may call the API, and which headers they may send and read."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common import tracing
from services.gateway.http import problems
from services.gateway.http.problems import Problem

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
# In addition to the headers that browsers always allow.
REQUEST_HEADERS = ("Authorization", "Content-Type", "If-None-Match", "X-Request-Id", *tracing.TRACE_HEADERS)
RESPONSE_HEADERS = (
    "ETag",
    "Link",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-Id",
)

VARY = (b"vary", b"Origin")  # in every response to a request without an Origin


class Cors(CORSMiddleware):
    """Starlette's CORS, except that a refused preflight request is answered with a problem."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=REQUEST_HEADERS,
            expose_headers=RESPONSE_HEADERS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Adds only VARY to the response to a request without an Origin."""

        async def send_with_vary(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], VARY]
            await send(message)

        if any(name == b"origin" for name, _ in scope["headers"]):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send_with_vary)

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code >= 400:
            response.body = problems.body(Problem(response.status_code, bytes(response.body).decode()))
            response.headers["Content-Type"] = problems.MEDIA_TYPE
            response.headers["Content-Length"] = str(len(response.body))
        return response
