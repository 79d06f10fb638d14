"""The optional rate limit of each caller."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.gateway.conftest import Gateway, start
from tests.integration.gateway.fakes import BOOK_ID, HOBBIT
from tests.integration.gateway.provider import Provider

pytestmark = pytest.mark.asyncio(loop_scope="package")

ITEM = f"/item/BOOK/{BOOK_ID}"


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def limiting_gateway(provider: Provider) -> AsyncIterator[Gateway]:
    async with start(provider, rate_limit_per_minute=2, cache_ttl_s=60) as gateway:
        yield gateway


def from_address(address: str) -> dict[str, str]:
    """Headers of a request that a proxy forwards for this client. Each test is another client."""
    return {"X-Forwarded-For": address}


async def test_requests_over_the_limit_are_429_with_retry_after(limiting_gateway: Gateway) -> None:
    headers = from_address("192.0.2.1")
    assert (await limiting_gateway.request("GET", "/lib/1", headers=headers)).headers["ratelimit-remaining"] == "1"
    await limiting_gateway.request("GET", "/lib/1", headers=headers)
    response = await limiting_gateway.request("GET", "/lib/1", headers=headers)
    assert response.status_code == 429
    assert 0 < int(response.headers["retry-after"]) <= 30
    assert (await limiting_gateway.as_user("GET", "/user", headers=headers)).status_code == 200  # another caller
    assert (await limiting_gateway.request("GET", "/healthz", headers=headers)).status_code == 200


async def test_cached_responses_count_towards_the_limit(limiting_gateway: Gateway) -> None:
    limiting_gateway.fakes.reset()
    responses = [await limiting_gateway.request("GET", ITEM, headers=from_address("192.0.2.2")) for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert [response.headers["ratelimit-remaining"] for response in responses] == ["1", "0", "0"]
    assert len(limiting_gateway.fakes.calls) == 1


async def test_pages_of_items_count_towards_the_limit(limiting_gateway: Gateway) -> None:
    headers = from_address("192.0.2.3")
    path = f"/?item=BOOK/{BOOK_ID}"
    titles = [HOBBIT.name in (await limiting_gateway.request("GET", path, headers=headers)).text for _ in range(3)]
    assert titles == [True, True, False]
    assert (await limiting_gateway.request("GET", ITEM, headers=headers)).status_code == 429


async def test_by_default_there_is_no_rate_limit(gateway: Gateway) -> None:
    assert "ratelimit-limit" not in (await gateway.request("GET", "/lib/1")).headers
