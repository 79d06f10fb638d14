"""One measurement: wrk sends requests of one kind to one target, and the target's processor time is counted."""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from load.benchmarks.http.requests import MIX, NEW_MARKS, TIMEOUT_S, USERS, Traffic, sign_in
from load.benchmarks.http.targets import Target
from load.locust_users.checks import WrongAnswer
from load.locust_users.resources import CacheCounts, Sampler, by_service

CONNECTIONS = 16
DIFFERENT = 5_000  # requests of one kind that are sent in turn, if they may repeat
NEW_MARKS_PER_SECOND = 4_000  # more than any target answers
SCRIPT = Path(__file__).with_name("wrk.lua")
IDLE_S, IDLE_SHARE = 0.2, 0.1  # the processes are idle when they use less than this share of a processor
MAX_WAIT_S = 20


@dataclass(frozen=True)
class Measurement:
    """`processor_ms` per request and resident memory in `mib`, by process; "mongod" stands for all MongoDB servers.

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


def require_wrk() -> None:
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: install it (Debian and Ubuntu: apt-get install wrk), then run this again")


def prepare(target: Target, hot: bool = False) -> Traffic:
    """Creates the target's users and checks the content of some answers; raises WrongAnswer."""
    print(f"{target.name}: creating {USERS} users, trying out every kind of request", file=sys.stderr)
    auth0_url = target.suite.auth0_url
    traffic = Traffic(httpx.Client(base_url=target.url, timeout=TIMEOUT_S), auth0_url, sign_in(auth0_url), hot=hot)
    traffic.try_out()
    return traffic


def measure(target: Target, traffic: Traffic, kind: str, seconds: int, number: int = 0) -> Measurement:
    """Sends requests of the kind for so many seconds, in round `number`. Raises WrongAnswer if a mark was repeated."""
    are_new_marks = kind in (*NEW_MARKS, MIX)
    amount = NEW_MARKS_PER_SECOND * seconds if are_new_marks else DIFFERENT
    requests = traffic.make(kind, amount)
    with tempfile.NamedTemporaryFile("w", prefix="seen-requests-") as file:
        host = target.url.removeprefix("http://")
        file.writelines(request.raw(host).replace("\r\n", "\t") + "\n" for request in requests)
        file.flush()
        cached = CacheCounts.read(target.metrics_url) if target.metrics_url else None
        client_s = children_s()
        sampler, started = Sampler(by_service(target.pids)), time.time()
        figures = run_wrk(target.url, seconds, file.name, {request.status for request in requests})
    # Each connection has one more request under way when wrk ends. The target completes it, so its work counts.
    wait_until_idle(target.pids.values())
    *samples, others = sampler.sample()  # others: everything else on the machine
    client_s = children_s() - client_s
    if are_new_marks and figures["requests"] > amount:
        raise WrongAnswer(f"{target.name} got a mark twice: raise NEW_MARKS_PER_SECOND")
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


def run_wrk(url: str, seconds: int, file: str, statuses: Iterable[int]) -> Any:
    """Returns the figures that wrk.lua prints. A response counts as a failure unless its status is in `statuses`."""
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"]
    command += ["--timeout", f"{TIMEOUT_S}s", "--script", str(SCRIPT), url, "--", file, *map(str, statuses)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return json.loads(output.splitlines()[-1])


def wait_until_idle(pids: Iterable[int]) -> None:
    """Returns after MAX_WAIT_S at the latest."""
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
