"""Calls to Google Cloud: each runs in a thread with its own time limit, and is repeated after a transient error.

The clients' own retries are off: they block the thread for up to 15 minutes and cannot be cancelled.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

import requests
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions

log = logging.getLogger(__name__)

T = TypeVar("T")

CALL_TIMEOUT_S = 10.0
FIRST_WAIT_S = 0.2
MAX_WAIT_S = 10.0

TRANSIENT = (
    exceptions.ServiceUnavailable,
    exceptions.TooManyRequests,  # includes gRPC's RESOURCE_EXHAUSTED
    exceptions.InternalServerError,
    exceptions.BadGateway,
    exceptions.GatewayTimeout,  # includes gRPC's DEADLINE_EXCEEDED
    exceptions.Aborted,
    exceptions.RetryError,
    auth_exceptions.TransportError,
    requests.ConnectionError,
    requests.Timeout,
)


class RetriesFailed(Exception):
    """The call failed with transient errors until the timeout."""


async def retry(call: Callable[[], T], timeout_s: float) -> T:
    """Repeats a blocking call for up to `timeout_s` seconds while it raises transient errors, then RetriesFailed."""
    end = time.monotonic() + timeout_s
    wait_s = FIRST_WAIT_S
    while True:
        try:
            return await asyncio.to_thread(call)
        except TRANSIENT as error:
            wait_s = min(wait_s * 2, MAX_WAIT_S)
            pause_s = wait_s * random.uniform(0.5, 1)  # noqa: S311 (jitter, not a secret)
            if time.monotonic() + pause_s > end:
                raise RetriesFailed(str(error)) from error
            log.info("retrying", extra={"error": str(error), "in_s": round(pause_s, 2)})
        await asyncio.sleep(pause_s)
