"""What the server answers beside the API: how it is, its description, and a front page for people."""

import asyncio
import time
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from services.gateway.backends import Backends
from services.gateway.responses import ASK_EACH_TIME, Cacheable, Json, rendered
from services.gateway.specification import Document

FRONT = Path(__file__).parent / "pages" / "front.html"
# The page holds a script and a style of its own, and asks nobody for anything.
FRONT_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; frame-ancestors 'none'"
SERVING_KEPT_S = 1.0


class Pages:
    def __init__(self, backends: Backends, document: Document) -> None:
        self.draining = False
        self._backends = backends
        self._document = rendered(document)
        self._front = FRONT.read_bytes()
        self._serving: dict[str, bool] = {}
        self._serving_until = 0.0
        self._asking = asyncio.Lock()

    def router(self, next_app: ASGIApp) -> Router:
        routes = [
            Route("/", self.front),
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/openapi.json", self.openapi),
        ]
        return Router(routes, redirect_slashes=False, default=next_app)

    async def healthz(self, request: Request) -> Response:
        return Json({"status": "alive"})

    async def readyz(self, request: Request) -> Response:
        """Ready from the start until the end: without the other services there is still an honest answer to give."""
        if self.draining:
            return Json({"status": "draining"}, 503)
        return Json({"status": "ready", "services": await self._services()})

    async def openapi(self, request: Request) -> Response:
        return Cacheable(self._document)

    async def front(self, request: Request) -> Response:
        headers = {"Content-Security-Policy": FRONT_POLICY, "Cache-Control": ASK_EACH_TIME}
        return HTMLResponse(self._front, headers=headers)

    async def _services(self) -> dict[str, bool]:
        """Which services answer, asked for at most once a second however many probes there are."""
        async with self._asking:
            if time.monotonic() > self._serving_until:
                self._serving = await self._backends.serving()
                self._serving_until = time.monotonic() + SERVING_KEPT_S
            return self._serving
