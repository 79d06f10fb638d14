"""Paths outside the specification: probes, the specification itself, Swagger UI and a front page."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
from connexion.middleware.swagger_ui import SwaggerUIMiddleware
from connexion.options import SwaggerUIOptions
from connexion.spec import Specification
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from services.gateway.backends import Backends
from services.gateway.http.responses import REVALIDATE, Cacheable, Json
from services.gateway.settings import GatewaySettings
from services.gateway.specification import Document, permissions

FRONT_PAGE = Path(__file__).parent / "front.html"
# The page has an inline script and style, and loads nothing.
FRONT_PAGE_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; frame-ancestors 'none'"
HEALTH_CACHE_S = 1.0


class Site:
    def __init__(
        self, backends: Backends, document: Document, checked: Specification, settings: GatewaySettings
    ) -> None:
        self.draining = False
        self._backends = backends
        self._document = orjson.dumps(document)
        self._front_page = FRONT_PAGE.read_bytes()
        self._health: dict[str, bool] = {}
        self._health_expires = 0.0
        self._health_lock = asyncio.Lock()
        self._pages: dict[str, Callable[[], Awaitable[Response]]] = {
            "/": self._front,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/openapi.json": self._openapi,
        }
        self._swagger_ui = SwaggerUIMiddleware(_not_found)
        self._swagger_ui.add_api(checked, swagger_ui_options=_swagger_ui_options(document, settings))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = self._pages.get(scope["path"])
        if page is None:
            # With an "app" in the scope, Starlette's routes raise 405 instead of answering it in plain text.
            await self._swagger_ui({**scope, "app": self}, receive, send)
        elif scope["method"] in ("GET", "HEAD"):
            response = await page()
            await response(scope, receive, send)
        else:
            raise HTTPException(405)

    async def _front(self) -> Response:
        headers = {"Content-Security-Policy": FRONT_PAGE_POLICY, "Cache-Control": REVALIDATE}
        return HTMLResponse(self._front_page, headers=headers)

    async def _healthz(self) -> Response:
        return Json({"status": "alive"})

    async def _readyz(self) -> Response:
        """Ready until shutdown: without the other services, requests still get an honest 503."""
        if self.draining:
            return Json({"status": "draining"}, 503)
        return Json({"status": "ready", "services": await self._services()})

    async def _openapi(self) -> Response:
        return Cacheable(self._document)

    async def _services(self) -> dict[str, bool]:
        """Which services answer; checked at most once a second, however many probes there are."""
        async with self._health_lock:
            if time.monotonic() > self._health_expires:
                self._health = await self._backends.serving()
                self._health_expires = time.monotonic() + HEALTH_CACHE_S
            return self._health


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    raise HTTPException(404)


def _swagger_ui_options(document: Document, settings: GatewaySettings) -> SwaggerUIOptions:
    return SwaggerUIOptions(
        serve_spec=False,  # connexion would build it for each request, with every reference resolved
        swagger_ui_config={"displayRequestDuration": True, "tryItOutEnabled": True, "defaultModelsExpandDepth": 0},
        swagger_ui_template_arguments={
            "initOAuth": {
                "appName": "Seen",
                "clientId": settings.auth0_client_id,
                "scopes": permissions(document),
                "usePkceWithAuthorizationCodeGrant": True,
                "additionalQueryStringParams": {"audience": settings.auth0_audience},
            }
        },
    )
