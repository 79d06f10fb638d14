"""Asking several shards at once."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def together(*questions: Awaitable[T]) -> list[T]:
    """All answers, or the first failure: raised when all are done, so that nothing goes on behind the caller's back."""
    answers = await asyncio.gather(*questions, return_exceptions=True)
    kept: list[T] = []
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        kept.append(answer)
    return kept
