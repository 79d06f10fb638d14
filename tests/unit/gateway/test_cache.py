"""The response cache by itself: fills, expiry and size."""

import asyncio
from typing import Any

import prometheus_client
import pytest
from starlette.responses import Response

from services.common import deadline
from services.gateway.http.cache import OVERHEAD_BYTES, Cache
from services.gateway.http.responses import TaggedJson


class HeldOperation:
    path, reads, writes = "/held", ("items",), ()

    def __init__(self) -> None:
        self.calls = 0
        self.called, self.release = asyncio.Event(), asyncio.Event()

    def type_read(self, arguments: dict[str, Any]) -> None:
        """The items of all types."""

    async def handler(self, **_: Any) -> Response:
        self.calls += 1
        self.called.set()
        self.seconds_left = deadline.remaining()
        await self.release.wait()
        return TaggedJson({})


async def test_a_cancelled_request_does_not_cancel_the_fill() -> None:
    cache, operation = Cache(60, 100_000, 5), HeldOperation()
    stub: Any = operation
    first = asyncio.create_task(cache.get_or_fill("target", stub, {}))
    second = asyncio.create_task(cache.get_or_fill("target", stub, {}))
    await operation.called.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    operation.release.set()
    assert (await second).response.status_code == 200
    assert operation.calls == 1


async def test_a_fill_has_its_own_deadline() -> None:
    operation: Any = HeldOperation()
    operation.release.set()
    deadline.start(0.001)
    await Cache(60, 100_000, 5).get_or_fill("target", operation, {})
    assert operation.seconds_left > 4
    assert deadline.remaining() < 1


async def test_entries_expire() -> None:
    cache, operation = Cache(0.01, 100_000, 5), HeldOperation()
    operation.release.set()
    stub: Any = operation
    await cache.get_or_fill("target", stub, {})
    async with asyncio.timeout(5):
        while cache.get("target"):
            await asyncio.sleep(0.005)
    await cache.get_or_fill("target", stub, {})
    assert operation.calls == 2


async def test_the_least_recently_used_entries_are_dropped() -> None:
    limit = 8 * OVERHEAD_BYTES
    cache, operation = Cache(60, limit, 5), HeldOperation()
    operation.release.set()
    stub: Any = operation
    await cache.get_or_fill("used often", stub, {"page": 0})
    for page in range(1, 9):
        await cache.get_or_fill(page, stub, {"page": page})
        assert cache.get("used often")
        assert (prometheus_client.REGISTRY.get_sample_value("http_cache_bytes") or 0) <= limit
    assert cache.get(8)
    assert not cache.get(1)
