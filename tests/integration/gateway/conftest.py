"""One gateway for all tests, in front of fake services."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.gateway.service import build
from services.gateway.settings import GatewaySettings
from tests.integration.gateway.contract import Contract
from tests.integration.gateway.fakes import Fakes
from tests.integration.gateway.provider import AUDIENCE, Provider

CONTRACT = Contract()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


@dataclass
class Gateway:
    url: str
    fakes: Fakes
    provider: Provider
    client: httpx.AsyncClient  # checks each answer against the specification

    async def request(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **options)

    async def as_user(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self.request(method, path, self.provider.token(), **options)

    async def as_admin(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self.request(method, path, self.provider.admin(), **options)


def settings(provider_url: str, backend: str, **other: Any) -> GatewaySettings:
    return GatewaySettings.model_validate(
        {
            "port": 0,
            "metrics_port": 0,
            "public_url": "http://gateway.example",
            "library_address": backend,
            "account_address": backend,
            "spark_address": backend,
            "auth0_url": provider_url,
            "auth0_audience": AUDIENCE,
            "auth0_client_id": "seen-swagger-ui",
            "deadline_s": 2,
            "cache_ttl_s": 0,  # most tests change what the fakes answer; test_cache.py switches the cache on
        }
        | other
    )


@contextlib.asynccontextmanager
async def start(provider: Provider, **other: Any) -> AsyncIterator[Gateway]:
    fakes = Fakes()
    backend, port = await fakes.serve()
    try:
        configuration = settings(provider.url, f"127.0.0.1:{port}", **other)
        async with build(configuration) as server, server.running() as gateway_port:
            url = f"http://127.0.0.1:{gateway_port}"
            hooks = {"response": [CONTRACT.check]}
            async with httpx.AsyncClient(base_url=url, event_hooks=hooks, timeout=10) as client:
                yield Gateway(url, fakes, provider, client)
    finally:
        await backend.stop(None)


@pytest.fixture(scope="package")
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared_gateway(provider: Provider) -> AsyncIterator[Gateway]:
    async with start(provider) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared_gateway: Gateway) -> Gateway:
    shared_gateway.fakes.reset()
    return shared_gateway
