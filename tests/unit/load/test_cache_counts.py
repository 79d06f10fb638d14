"""The hit rate of the response cache, from the text of the gateway's metrics."""

import prometheus_client

from load.cache_counts import CacheCounts
from services.gateway.http import cache


def test_counts_are_read_from_the_gateways_own_metrics() -> None:
    before = CacheCounts.parse(prometheus_client.generate_latest().decode())
    cache.HITS.inc(3)
    cache.MISSES.inc()
    counts = CacheCounts.parse(prometheus_client.generate_latest().decode()).since(before)
    assert counts == CacheCounts(3, 1)
    assert counts.hit_rate == 0.75


def test_without_requests_there_is_no_hit_rate() -> None:
    assert CacheCounts.parse("").hit_rate is None
