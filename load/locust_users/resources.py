"""Processor time and memory of each service of a local suite, once a second."""

import csv
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import psutil

OTHERS = "everything else"


@dataclass(frozen=True)
class Sample:
    """`at`: seconds since 1970. `cores`: processor time a second since the sample before. `mib`: resident memory."""

    at: float
    service: str
    cores: float
    mib: float


class Watch:
    """Samples some processes by the services that they belong to, and what else the machine is busy with."""

    def __init__(self, pids: Mapping[str, Iterable[int]]) -> None:
        self._processes = {service: [psutil.Process(pid) for pid in ids] for service, ids in pids.items()}
        self._at = time.time()
        self._seconds = {service: self._spent(service) for service in self._processes}
        self._busy = _machine_s()

    def sample(self) -> list[Sample]:
        """One for each service since the last time; at least some tenths of a second later."""
        now, busy = time.time(), _machine_s()
        elapsed = now - self._at
        samples = []
        for service, before in self._seconds.items():
            # A process that has ended took what it took before.
            spent = max(self._spent(service), before)
            samples.append(Sample(now, service, (spent - before) / elapsed, self._mib(service)))
            self._seconds[service] = spent
        cores = (busy - self._busy) / elapsed - sum(sample.cores for sample in samples)
        samples.append(Sample(now, OTHERS, max(cores, 0.0), 0.0))
        self._at, self._busy = now, busy
        return samples

    def _spent(self, service: str) -> float:
        seconds = 0.0
        for process in self._processes[service]:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                seconds += times.user + times.system
        return seconds

    def _mib(self, service: str) -> float:
        resident = 0
        for process in self._processes[service]:
            with suppress(psutil.NoSuchProcess):
                resident += process.memory_info().rss
        return resident / 2**20


def _machine_s() -> float:
    """Seconds that all processors have worked since the machine was started."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    return float(sum(times[:8]) - idle)  # beyond them come guests, who are in `user` already


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
