"""asyncio tasks that may outlive their caller."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def shielded(coroutine: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
    """Runs the coroutine in a task that goes on in the background if the caller is cancelled."""
    task = asyncio.create_task(coroutine)
    task.add_done_callback(ignore_failure)
    return asyncio.shield(task)


def ignore_failure(task: asyncio.Task[Any]) -> None:
    """A done callback: marks the task's exception as retrieved. Otherwise asyncio logs it if the caller has gone."""
    if not task.cancelled():
        task.exception()
