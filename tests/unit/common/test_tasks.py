import asyncio
import gc
from typing import Any

import pytest

from services.common.tasks import shielded


async def test_a_shielded_task_goes_on_when_its_caller_is_cancelled() -> None:
    released, finished = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await released.wait()
        finished.set()

    caller = asyncio.create_task(_await(work()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    released.set()
    await asyncio.wait_for(finished.wait(), 5)


async def test_a_failure_after_the_caller_was_cancelled_is_not_logged() -> None:
    logged: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: logged.append(context))
    released = asyncio.Event()

    async def work() -> None:
        await released.wait()
        raise RuntimeError("the connection is closed")

    caller = asyncio.create_task(_await(work()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    released.set()
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert logged == []


async def _await(coroutine: Any) -> None:
    await shielded(coroutine)
