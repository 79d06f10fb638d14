"""The application: the specification, its handlers, and what a request passes through on its way to them."""

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import getmembers, iscoroutinefunction

from connexion import AsyncApp
from connexion.middleware.exceptions import ExceptionMiddleware
from connexion.middleware.server_error import ServerErrorMiddleware
from connexion.middleware.swagger_ui import SwaggerUIMiddleware
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver
from starlette.responses import Response

from services.common import tracing
from services.gateway import problems, specification
from services.gateway.auth import Tokens
from services.gateway.backends import Backends
from services.gateway.cors import Cors
from services.gateway.edge import Edge
from services.gateway.items import Items
from services.gateway.library import Library
from services.gateway.limits import BodyLimit
from services.gateway.operations import Operations
from services.gateway.pages import Pages
from services.gateway.rates import Rates
from services.gateway.routing import Routing
from services.gateway.settings import GatewaySettings
from services.gateway.spark import Spark
from services.gateway.suggestions import Suggestions
from services.gateway.users import Users

# What pages from elsewhere may send and read beside what browsers allow anyway.
SENT_HEADERS = ("Authorization", "Content-Type", "If-None-Match", "X-Request-Id", *tracing.TRACE_HEADERS)
READ_HEADERS = (
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


def build(settings: GatewaySettings, backends: Backends, tokens: Tokens) -> tuple[AsyncApp, Pages]:
    document = specification.document(settings.auth0_url)
    pages = Pages(backends, document)
    app = AsyncApp(
        "services.gateway",
        # Operations take the place of connexion's security, validation and context; see there. Swagger UI comes
        # after the router, so that a request for the API need not pass its routes.
        middlewares=[
            partial(Edge, deadline_s=settings.deadline_s, routes=specification.paths(document)),
            ServerErrorMiddleware,
            partial(
                Cors,
                allow_origins=settings.cors_origins,
                allow_methods=("GET", "HEAD", "POST", "PUT", "DELETE"),
                allow_headers=SENT_HEADERS,
                expose_headers=READ_HEADERS,
            ),
            ExceptionMiddleware,
            partial(BodyLimit, max_bytes=settings.max_body_bytes),
            Routing,
            Operations,
            pages.router,
            SwaggerUIMiddleware,
        ],
    )
    app.add_api(
        document,
        resolver=Resolver(handlers(settings, backends, document).__getitem__),
        swagger_ui_options=_swagger_ui(settings, document),
        tokens=tokens,
        rates=Rates(settings.rate_limit_per_minute) if settings.rate_limit_per_minute else None,
    )
    for error, handler in problems.handlers().items():
        app.add_error_handler(error, handler)
    return app, pages


def handlers(
    settings: GatewaySettings, backends: Backends, document: specification.Document
) -> dict[str, Callable[..., Awaitable[Response]]]:
    """What answers each operation, by its id."""
    tags = (
        Items(backends),
        Library(backends),
        Suggestions(backends),
        Users(backends, settings, specification.permissions(document)),
        Spark(backends),
    )
    return {
        name: method
        for tag in tags
        for name, method in getmembers(tag, iscoroutinefunction)
        if not name.startswith("_")
    }


def _swagger_ui(settings: GatewaySettings, document: specification.Document) -> SwaggerUIOptions:
    return SwaggerUIOptions(
        serve_spec=False,  # connexion would put it together anew for each request, with every reference resolved
        swagger_ui_config={"displayRequestDuration": True, "tryItOutEnabled": True, "defaultModelsExpandDepth": 0},
        swagger_ui_template_arguments={
            "initOAuth": {
                "appName": "Seen",
                "clientId": settings.auth0_client_id,
                "scopes": specification.permissions(document),
                "usePkceWithAuthorizationCodeGrant": True,
                "additionalQueryStringParams": {"audience": settings.auth0_audience},
            }
        },
    )
