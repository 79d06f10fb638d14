"""Processor time and memory of each service of a local suite, sampled once a second."""

import csv
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import psutil

OTHERS = "everything else"


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
