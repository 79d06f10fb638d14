"""Limits the requests of each caller. Each gateway process counts separately."""

import math
import time
from collections import OrderedDict
from collections.abc import Mapping

from starlette.types import Scope

from services.gateway.http.problems import Problem

MAX_CALLERS = 10_000  # the least recently seen callers are forgotten


class RateLimit:
    """A token bucket per caller: it holds one minute's requests and refills evenly."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: OrderedDict[str | None, tuple[float, float]] = OrderedDict()  # requests left, and at what time

    def take(self, caller: str | None) -> Mapping[str, str]:
        """Counts a request and returns the RateLimit headers. Raises a 429 problem if none is left.

        The caller is a token's subject or an IP address; callers without an address share one bucket.
        """
        now = time.monotonic()
        left, before = self._buckets.pop(caller, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - before) * self._per_minute / 60)
        empty = left < 1
        self._buckets[caller] = left if empty else left - 1, now
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        if empty:
            wait_s = math.ceil((1 - left) * 60 / self._per_minute)
            headers = self._headers(0) | {"Retry-After": str(wait_s)}
            raise Problem(429, f"too many requests; try again in {wait_s} seconds", headers=headers)
        return self._headers(left - 1)

    def _headers(self, left: float) -> dict[str, str]:
        full_s = math.ceil((self._per_minute - left) * 60 / self._per_minute)
        return {
            "RateLimit-Limit": str(self._per_minute),
            "RateLimit-Remaining": str(int(left)),
            "RateLimit-Reset": str(full_s),
        }


def client_address(scope: Scope) -> str | None:
    """The client's IP address."""
    return scope["client"][0] if scope.get("client") else None
