"""A limit on requests, where the operator sets one."""

import pytest

from tests.integration.gateway.conftest import Gateway, start
from tests.integration.gateway.provider import Provider

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_who_asks_too_often_is_told_to_wait(provider: Provider) -> None:
    async with start(provider, rate_limit_per_minute=2) as gateway:
        assert (await gateway.ask("GET", "/lib/1")).headers["ratelimit-remaining"] == "1"
        await gateway.ask("GET", "/lib/1")
        response = await gateway.ask("GET", "/lib/1")
        assert response.status_code == 429
        assert 0 < int(response.headers["retry-after"]) <= 30
        assert (await gateway.as_user("GET", "/user")).status_code == 200  # somebody else
        assert (await gateway.ask("GET", "/healthz")).status_code == 200


async def test_usually_there_is_no_limit(gateway: Gateway) -> None:
    assert "ratelimit-limit" not in (await gateway.ask("GET", "/lib/1")).headers
