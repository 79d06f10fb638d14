"""Repeats calls to Google Cloud after transient errors. Each attempt runs in a thread and has its own time limit.

Google's clients are told not to retry: their retries block the thread for up to 15 minutes and cannot be cancelled.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import requests
from google.api_core import exceptions
from google.api_core.retry import AsyncRetry, if_exception_type
from google.auth import exceptions as auth_exceptions

log = logging.getLogger(__name__)

T = TypeVar("T")

ONE_ATTEMPT: Mapping[str, Any] = {"retry": None, "timeout": 10.0}
"""Arguments of Google's clients: a call is one attempt of at most so many seconds."""
FIRST_WAIT_S = 0.2
MAX_WAIT_S = 10.0

TRANSIENT = (
    exceptions.ServiceUnavailable,
    exceptions.TooManyRequests,  # includes gRPC's RESOURCE_EXHAUSTED
    exceptions.InternalServerError,
    exceptions.BadGateway,
    exceptions.GatewayTimeout,  # includes gRPC's DEADLINE_EXCEEDED
    exceptions.Aborted,
    auth_exceptions.TransportError,
    requests.ConnectionError,
    requests.Timeout,
)


CALL_ERRORS = (exceptions.GoogleAPIError, auth_exceptions.GoogleAuthError)
"""The errors that `retry` raises if a call fails."""


async def retry(call: Callable[[], T], timeout_s: float) -> T:
    """Repeats a blocking call while it raises transient errors. Raises RetryError after `timeout_s` seconds."""
    attempts = AsyncRetry(
        predicate=if_exception_type(*TRANSIENT),
        initial=FIRST_WAIT_S,
        maximum=MAX_WAIT_S,
        timeout=timeout_s,
        on_error=lambda error: log.info("retrying", extra={"error": str(error)}),
    )
    result: T = await attempts(asyncio.to_thread)(call)
    return result
