"""What a fill of the response cache does not share with the requests that wait for it."""

import asyncio
from typing import Any

import pytest
from starlette.responses import Response

from services.common import deadline
from services.gateway.http.cache import Cache
from services.gateway.http.responses import Cacheable


class SlowOperation:
    path, reads, writes = "/slow", ("items",), ()
    calls = 0

    def type_read(self, arguments: dict[str, Any]) -> None:
        """The items of all types."""

    async def handler(self) -> Response:
        self.calls += 1
        self.seconds_left = deadline.remaining()
        await asyncio.sleep(0.05)
        return Cacheable({})


async def test_a_cancelled_request_does_not_cancel_the_fill() -> None:
    cache, operation = Cache(60, 100_000, 5), SlowOperation()
    stub: Any = operation
    first = asyncio.create_task(cache.get_or_fill("spelling", stub, {}))
    second = asyncio.create_task(cache.get_or_fill("spelling", stub, {}))
    await asyncio.sleep(0.01)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await second).response.status_code == 200
    assert operation.calls == 1


async def test_a_fill_has_its_own_deadline() -> None:
    operation: Any = SlowOperation()
    deadline.start(0.001)
    await Cache(60, 100_000, 5).get_or_fill("spelling", operation, {})
    assert operation.seconds_left > 4
    assert deadline.remaining() < 1
