"""connexion's router, with what it leaves out: all methods in Allow, OPTIONS, and numbers that are none."""

from typing import Any

import starlette.convertors
from connexion.middleware.routing import RoutingMiddleware
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway import problems
from services.gateway.problems import FieldError


class Routing(RoutingMiddleware):  # type: ignore[misc]  # connexion has no types
    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        # A page that is no number is a bad parameter, which has a name, and not an unknown address.
        starlette.convertors.register_url_convertor("int", starlette.convertors.StringConvertor())
        self._routers: list[Router] = []

    def add_api(self, *args: Any, **options: Any) -> None:
        super().add_api(*args, **options)
        self._routers = [mount.app for mount in self.router.routes]
        for router in self._routers:
            # A redirect's address would come from the Host header, and leave HTTPS behind a proxy.
            router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "\n" in scope["path"]:  # starlette's patterns end there
            raise problems.invalid([FieldError("path", "must not hold line breaks")])
        try:
            await super().__call__(scope, receive, send)
        except HTTPException as error:
            if error.status_code != 405:
                raise
            allowed = self._methods(scope["path"]) or (error.headers or {}).get("Allow", "GET, HEAD")
            if scope["method"] != "OPTIONS":
                raise HTTPException(405, headers={"Allow": allowed}) from None
            await Response(status_code=204, headers={"Allow": allowed})(scope, receive, send)

    def _methods(self, path: str) -> str:
        """All that are known at a path; the router's own error names those of the first operation only."""
        routes = [route for router in self._routers for route in router.routes if isinstance(route, Route)]
        known = {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}
        return ", ".join(sorted(known | {"OPTIONS"})) if known else ""
