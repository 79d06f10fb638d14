"""The paths outside the specification: the website, probes, the specification itself and Swagger UI."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from connexion.middleware.swagger_ui import SwaggerUIMiddleware
from connexion.options import SwaggerUIOptions
from connexion.spec import Specification
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seen.v1 import library_pb2
from seen.v1.types_pb2 import Item
from services.common.errors import SeenError
from services.gateway.backends import Backends
from services.gateway.convert import ref_from_path
from services.gateway.http.parameters import MAX_QUERY_PARAMETERS
from services.gateway.http.problems import Problem
from services.gateway.http.rate_limit import RateLimit, client_address
from services.gateway.http.responses import Json, TaggedJson
from services.gateway.http.website import Website
from services.gateway.settings import GatewaySettings
from services.gateway.specification import Document, permissions

HEALTH_CACHE_S = 1.0
ITEM_TIMEOUT_S = 1.0  # the page is sent without the item's title rather than later


class OtherPaths:
    """An ASGI application. Raises 404 for a path that does not exist and 405 for a method other than GET and HEAD."""

    def __init__(
        self,
        backends: Backends,
        document: Document,
        connexion_spec: Specification,
        website: Website,
        rate_limit: RateLimit | None,
        settings: GatewaySettings,
    ) -> None:
        self.draining = False
        self._backends = backends
        self._website = website
        self._rate_limit = rate_limit
        self._document = TaggedJson(document)
        self._website_settings = TaggedJson(_website_settings(document, settings))
        self._item_path = re.compile(document["components"]["schemas"]["ItemPath"]["pattern"])
        self._health: dict[str, bool] = {}
        self._health_expires = 0.0
        self._health_lock = asyncio.Lock()
        self._responses: dict[str, Callable[[Scope], Awaitable[Response]]] = {
            "/": self._page,
            "/site.json": self._site_json,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/openapi.json": self._openapi,
            **dict.fromkeys(website.files, self._file),
        }
        self._swagger_ui = SwaggerUIMiddleware(_not_found)
        self._swagger_ui.add_api(connexion_spec, swagger_ui_options=_swagger_ui_options(document, settings))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        respond = self._responses.get(scope["path"])
        if respond is None:
            # With an "app" in the scope, Starlette's routes raise 405 instead of sending it as plain text.
            await self._swagger_ui({**scope, "app": self}, receive, send)
        elif scope["method"] in ("GET", "HEAD"):
            response = await respond(scope)
            await response(scope, receive, send)
        else:
            raise HTTPException(405)

    async def _page(self, scope: Scope) -> Response:
        return self._website.page(await self._item(scope)).response(scope)

    async def _file(self, scope: Scope) -> Response:
        return self._website.files[scope["path"]].response(scope)

    async def _site_json(self, scope: Scope) -> Response:
        return self._website_settings

    async def _item(self, scope: Scope) -> Item | None:
        """The item in the page's URL (?item=TYPE/ID). None if it does not exist, or its dataset is down or slow."""
        try:
            query = parse_qs(scope["query_string"].decode("ascii"), max_num_fields=MAX_QUERY_PARAMETERS)
        except ValueError:
            return None
        [path] = query.get("item", [""])[:1]
        if not self._item_path.fullmatch(path):
            return None
        try:
            if self._rate_limit:
                self._rate_limit.take(client_address(scope))
            request = library_pb2.GetLibraryItemRequest(item=ref_from_path(path))
            return await self._backends.library.GetItem(request, timeout=ITEM_TIMEOUT_S)
        except (Problem, SeenError):
            return None

    async def _healthz(self, scope: Scope) -> Response:
        return Json({"status": "alive"})

    async def _readyz(self, scope: Scope) -> Response:
        """Ready until shutdown, even if services are down: requests that need them get 503 problems."""
        if self.draining:
            return Json({"status": "draining"}, 503)
        return Json({"status": "ready", "services": await self._services()})

    async def _openapi(self, scope: Scope) -> Response:
        return self._document

    async def _services(self) -> dict[str, bool]:
        """Whether each service is healthy; checked at most once a second, however many probes there are."""
        async with self._health_lock:
            if time.monotonic() > self._health_expires:
                self._health = await self._backends.serving()
                self._health_expires = time.monotonic() + HEALTH_CACHE_S
            return self._health


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    raise HTTPException(404)


def _website_settings(document: Document, settings: GatewaySettings) -> dict[str, str]:
    """The settings that the website loads from /site.json. So its files are the same in every installation."""
    return {
        "issuer": f"{settings.auth0_url}/",
        "clientId": settings.auth0_website_client_id,
        "audience": settings.auth0_audience,
        "version": document["info"]["version"],
    }


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
