"""The optional rate limit."""

import pytest

from tests.integration.gateway.conftest import Gateway, start
from tests.integration.gateway.provider import Provider

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_requests_over_the_limit_are_429_with_retry_after(provider: Provider) -> None:
    async with start(provider, rate_limit_per_minute=2) as gateway:
        assert (await gateway.request("GET", "/lib/1")).headers["ratelimit-remaining"] == "1"
        await gateway.request("GET", "/lib/1")
        response = await gateway.request("GET", "/lib/1")
        assert response.status_code == 429
        assert 0 < int(response.headers["retry-after"]) <= 30
        assert (await gateway.as_user("GET", "/user")).status_code == 200  # another caller
        assert (await gateway.request("GET", "/healthz")).status_code == 200


async def test_by_default_there_is_no_rate_limit(gateway: Gateway) -> None:
    assert "ratelimit-limit" not in (await gateway.request("GET", "/lib/1")).headers
