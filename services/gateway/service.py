"""Builds the gateway: channels to the services, handlers, the specification's operations, and the HTTP server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connexion.spec import Specification

from services.gateway import backends, handlers, specification
from services.gateway.http import tokens
from services.gateway.http.app import App
from services.gateway.http.operations import Operations
from services.gateway.http.other_paths import OtherPaths
from services.gateway.http.rate_limit import RateLimit
from services.gateway.http.server import HttpServer
from services.gateway.http.website import FOLDER, Website
from services.gateway.settings import GatewaySettings


@asynccontextmanager
async def build(settings: GatewaySettings) -> AsyncIterator[HttpServer]:
    document = specification.document(settings.auth0_url)
    connexion_spec = Specification.load(document)
    async with backends.connect(settings) as services, tokens.connect(settings) as verifier:
        by_id = handlers.by_operation_id(services, settings, specification.permissions(document))
        operations = Operations(connexion_spec, by_id, verifier, settings.max_body_bytes)
        rate_limit = RateLimit(settings.rate_limit_per_minute) if settings.rate_limit_per_minute else None
        website = Website(FOLDER, settings.public_url, settings.auth0_url)
        other_paths = OtherPaths(services, document, connexion_spec, website, rate_limit, settings)
        yield HttpServer(App(operations, other_paths, rate_limit, settings), other_paths, settings)
