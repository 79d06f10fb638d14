"""Processor time and memory of processes, and the hit rate of the response cache."""

import os
import subprocess
import time
from pathlib import Path

import prometheus_client

from load.locust_users import resources
from load.locust_users.resources import OTHERS, CacheCounts, Sampler
from services.gateway.http import cache


def test_a_busy_process_uses_processor_time() -> None:
    sampler = Sampler({"this": [os.getpid()]})
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass

    this, others = sampler.sample()

    assert (this.service, others.service) == ("this", OTHERS)
    assert 0 < this.cores < 1.2
    assert this.mib > 5
    assert others.cores < (os.cpu_count() or 1) + 0.5


def test_an_ended_process_uses_nothing() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        sampler = Sampler({"child": [child.pid]})
        child.kill()
    [sample] = [sample for sample in sampler.sample() if sample.service == "child"]
    assert (sample.cores, sample.mib) == (0, 0)


def test_samples_are_read_as_they_were_written(tmp_path: Path) -> None:
    samples = Sampler({"this": [os.getpid()]}).sample()
    resources.write(tmp_path / "resources.csv", samples)
    assert resources.read(tmp_path / "resources.csv") == samples


def test_all_mongodb_servers_count_as_one_service() -> None:
    pids = {"gateway": 1, "mongod-book": 2, "mongod-imdb-1": 3}
    assert resources.by_service(pids) == {"gateway": [1], "mongod": [2, 3]}


def test_cache_counts_are_read_from_the_gateways_own_metrics() -> None:
    before = CacheCounts.parse(prometheus_client.generate_latest().decode())
    cache.HITS.inc(3)
    cache.MISSES.inc()
    counts = CacheCounts.parse(prometheus_client.generate_latest().decode()).since(before)
    assert counts == CacheCounts(3, 1)
    assert counts.hit_rate == 0.75


def test_without_requests_for_cacheable_responses_there_is_no_hit_rate() -> None:
    assert CacheCounts.parse("").hit_rate is None
