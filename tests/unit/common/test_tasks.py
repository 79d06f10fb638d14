import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

import pytest

from services.common.tasks import shielded


async def cancel_caller_of(work: Coroutine[Any, Any, None]) -> None:
    """Awaits the shielded work in a task, and cancels the task while it waits."""

    async def call() -> None:
        await shielded(work)

    caller = asyncio.create_task(call())
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_a_shielded_task_goes_on_when_its_caller_is_cancelled() -> None:
    released, finished = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await released.wait()
        finished.set()

    await cancel_caller_of(work())
    released.set()
    await asyncio.wait_for(finished.wait(), 5)


async def test_a_failure_after_the_caller_was_cancelled_is_not_logged() -> None:
    logged: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: logged.append(context))
    released = asyncio.Event()

    async def work() -> None:
        await released.wait()
        raise RuntimeError("the connection is closed")

    await cancel_caller_of(work())
    released.set()
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert logged == []
