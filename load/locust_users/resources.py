"""What a local suite used during a run: processor time and memory of each service, and the gateway's response cache."""

import csv
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import NamedTuple, Self

import httpx
import psutil

OTHERS = "everything else"
_CACHE_REQUESTS = re.compile(r'^http_cache_requests_total\{result="(hit|miss)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Sample:
    """`at`: Unix time. `cores`: processor seconds per second since the last sample. `mib`: resident memory."""

    at: float
    service: str
    cores: float
    mib: float


class Sampler:
    """Samples processes grouped by service, and the processor time of all other processes of the machine."""

    def __init__(self, pids: Mapping[str, Iterable[int]]) -> None:
        self._processes = {service: [psutil.Process(pid) for pid in ids] for service, ids in pids.items()}
        self._at = time.time()
        self._seconds = {service: self._sum(service, _processor_s) for service in self._processes}
        self._machine_s = _machine_s()

    def sample(self) -> list[Sample]:
        """One for each service, then one for OTHERS. Calls should be at least some tenths of a second apart."""
        now, machine_s = time.time(), _machine_s()
        elapsed = now - self._at
        samples = []
        for service, before in self._seconds.items():
            seconds = max(self._sum(service, _processor_s), before)  # the time of an ended process is lost
            mib = self._sum(service, lambda process: process.memory_info().rss) / 2**20
            samples.append(Sample(now, service, (seconds - before) / elapsed, mib))
            self._seconds[service] = seconds
        cores = (machine_s - self._machine_s) / elapsed - sum(sample.cores for sample in samples)
        samples.append(Sample(now, OTHERS, max(cores, 0.0), 0.0))
        self._at, self._machine_s = now, machine_s
        return samples

    def _sum(self, service: str, measure: Callable[[psutil.Process], float]) -> float:
        total = 0.0
        for process in self._processes[service]:
            with suppress(psutil.NoSuchProcess):
                total += measure(process)
        return total


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _machine_s() -> float:
    """Seconds that all processors have been busy since the machine was started."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    return float(sum(times[:8]) - idle)  # the fields after the eighth are for guests, and included in `user`


def write(path: Path, samples: Iterable[Sample]) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(field.name for field in fields(Sample))
        rows.writerows(astuple(sample) for sample in samples)


def read(path: Path) -> list[Sample]:
    with path.open(newline="") as file:
        return [
            Sample(float(row["at"]), row["service"], float(row["cores"]), float(row["mib"]))
            for row in csv.DictReader(file)
        ]


def by_service(pids: Mapping[str, int], mongod: str = "mongod") -> dict[str, list[int]]:
    """The pids of each service of a suite; all MongoDB servers are one, with the name `mongod`."""
    services: dict[str, list[int]] = {}
    for name, pid in pids.items():
        services.setdefault(mongod if name.startswith("mongod") else name, []).append(pid)
    return services


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
        counts = {result: float(value) for result, value in _CACHE_REQUESTS.findall(metrics)}
        return cls(counts.get("hit", 0.0), counts.get("miss", 0.0))

    def since(self, before: "CacheCounts") -> "CacheCounts":
        return CacheCounts(self.hits - before.hits, self.misses - before.misses)

    @property
    def hit_rate(self) -> float | None:
        """From 0 to 1; None without requests for cacheable responses."""
        total = self.hits + self.misses
        return self.hits / total if total else None
