"""One measurement: wrk sends requests of one kind to one target, while processor time is counted by process."""

import json
import resource
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from load.benchmarks.http_requests import Request
from load.benchmarks.http_targets import Target
from load.cache_counts import CacheCounts
from load.locust_users.resources import Sampler

CONNECTIONS = 16
TIMEOUT_S = 30
SCRIPT = Path(__file__).with_name("wrk.lua")
IDLE_S, IDLE_SHARE = 0.2, 0.1  # the processes are idle when they use less than this share of a processor
MAX_WAIT_S = 20


@dataclass(frozen=True)
class Measurement:
    """`processor_ms` per request and resident memory in `mib`, by process; "mongod" is all of the servers.

    `others`: processors that other programs kept busy. `hit_rate`: of the response cache, if it was used.
    """

    round: int
    kind: str
    target: str
    requests: int
    failures: int
    per_second: float
    p50_ms: float
    p99_ms: float
    processor_ms: dict[str, float]
    mib: dict[str, float]
    others: float
    hit_rate: float | None = None

    @property
    def total_ms(self) -> float:
        return sum(self.processor_ms.values())


def measure(
    target: Target, kind: str, number: int, requests: Sequence[Request], seconds: int, file: Path
) -> Measurement:
    """Sends the requests in turn for so many seconds. `file` is written for wrk."""
    host = target.url.removeprefix("http://")
    file.write_text("".join(request.raw(host).replace("\r\n", "\t") + "\n" for request in requests))
    statuses = sorted({request.status for request in requests})
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"]
    command += ["--timeout", f"{TIMEOUT_S}s", "--script", str(SCRIPT), target.url, "--", str(file), *map(str, statuses)]
    cached = CacheCounts.read(target.metrics_url) if target.metrics_url else None
    client_s = children_s()
    sampler, started = Sampler(by_service(target.pids)), time.time()
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    # Each connection has one more request under way when wrk ends. The target completes it, so its work counts.
    wait_until_idle(target.pids.values())
    *samples, others = sampler.sample()  # others: everything else on the machine
    client_s = children_s() - client_s
    figures = json.loads(output.splitlines()[-1])
    elapsed_s = others.at - started
    ms_per_core = elapsed_s * 1000 / (figures["requests"] + CONNECTIONS)
    return Measurement(
        round=number,
        kind=kind,
        target=target.name,
        requests=figures["requests"],
        failures=figures["failures"],
        per_second=figures["requests"] / figures["seconds"],
        p50_ms=figures["p50_ms"],
        p99_ms=figures["p99_ms"],
        processor_ms={sample.service: sample.cores * ms_per_core for sample in samples},
        mib={sample.service: sample.mib for sample in samples},
        others=max(0.0, others.cores - client_s / elapsed_s),
        hit_rate=CacheCounts.read(target.metrics_url).since(cached).hit_rate if target.metrics_url and cached else None,
    )


def by_service(pids: Mapping[str, int]) -> dict[str, list[int]]:
    """The pids, with all MongoDB servers as one."""
    services: dict[str, list[int]] = {}
    for name, pid in pids.items():
        services.setdefault("mongod" if name.startswith("mongod") else name, []).append(pid)
    return services


def wait_until_idle(pids: Iterable[int]) -> None:
    processes = [psutil.Process(pid) for pid in pids]
    until = time.monotonic() + MAX_WAIT_S
    used = float("-inf")
    while time.monotonic() < until:
        now = sum(sum(process.cpu_times()[:2]) for process in processes)
        if now - used < IDLE_SHARE * IDLE_S:
            return
        used = now
        time.sleep(IDLE_S)


def children_s() -> float:
    """Processor time of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
