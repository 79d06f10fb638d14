"""Calls to Google Cloud: each in a thread with a time limit of its own, and again after a while where that may help.

The clients' own retries are turned off: they wait in the thread, for up to 15 minutes, where nothing can stop them.
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
LONGEST_WAIT_S = 10.0

TRANSIENT = (
    exceptions.ServiceUnavailable,
    exceptions.TooManyRequests,  # gRPC's RESOURCE_EXHAUSTED is one of these
    exceptions.InternalServerError,
    exceptions.BadGateway,
    exceptions.GatewayTimeout,  # gRPC's DEADLINE_EXCEEDED is one of these
    exceptions.Aborted,
    exceptions.RetryError,
    auth_exceptions.TransportError,
    requests.ConnectionError,
    requests.Timeout,
)


class Away(Exception):
    """It has not answered for as long as anyone cared to wait."""


async def patiently(call: Callable[[], T], within_s: float) -> T:
    """What the blocking call returns. Away if it fails for `within_s` in ways that pass; other errors as they are."""
    end = time.monotonic() + within_s
    wait_s = FIRST_WAIT_S
    while True:
        try:
            return await asyncio.to_thread(call)
        except TRANSIENT as error:
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
            pause_s = wait_s * random.uniform(0.5, 1)  # noqa: S311 (spreads the callers, no secret)
            if time.monotonic() + pause_s > end:
                raise Away(str(error)) from error
            log.info("trying again", extra={"error": str(error), "in_s": round(pause_s, 2)})
        await asyncio.sleep(pause_s)
