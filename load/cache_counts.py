"""What the gateway's response cache did during a measurement, from the gateway's metrics."""

import re
from typing import NamedTuple, Self

import httpx

_SAMPLE = re.compile(r'^http_cache_requests_total\{result="(hit|miss)"\} (\S+)$', re.MULTILINE)


class CacheCounts(NamedTuple):
    """Requests for cacheable responses. A hit did not call the services."""

    hits: float
    misses: float

    @classmethod
    def read(cls, metrics_url: str) -> Self:
        """Since the gateway started; zeros if its cache is off."""
        return cls.parse(httpx.get(metrics_url).raise_for_status().text)

    @classmethod
    def parse(cls, metrics: str) -> Self:
        counts = {result: float(value) for result, value in _SAMPLE.findall(metrics)}
        return cls(counts.get("hit", 0.0), counts.get("miss", 0.0))

    def since(self, before: "CacheCounts") -> "CacheCounts":
        return CacheCounts(self.hits - before.hits, self.misses - before.misses)

    @property
    def hit_rate(self) -> float | None:
        """From 0 to 1; None without requests for cacheable responses."""
        total = self.hits + self.misses
        return self.hits / total if total else None
