"""Where the processor time of each kind of request goes: samples of the call stacks while wrk sends requests.

    ./scripts/local.sh --compact --data /tmp/seen --detach --set SEEN_GATEWAY_CACHE_TTL_S=0
    python -m load.benchmarks.profile_http /tmp/seen

py-spy samples the main threads of a running suite's Python processes. A sample counts for the layer of the innermost
frame that belongs to one, so that library code counts for its caller. A layer's time is its share of the samples
multiplied by the processor time that the operating system counted for the thread. All other threads, which run SQL and
poll gRPC's connections, are one figure. Needs the extra `benchmarks`, wrk, and permission to trace processes.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from load import results
from load.benchmarks import http_targets
from load.benchmarks.bench_http import DIFFERENT, NEW_MARKS_PER_SECOND, prepare
from load.benchmarks.http_measure import CONNECTIONS, Measurement, measure
from load.benchmarks.http_requests import KINDS, NEW_MARKS, Traffic
from load.benchmarks.http_targets import Target

PY_SPY = Path(sys.executable).with_name("py-spy")
RATE = 400  # samples a second
START_S = 1  # for py-spy to attach
MAIN_THREAD, OTHER_THREADS, REST = "MainThread", "other threads", "event loop"
# By layer: which frames belong to it, in py-spy's form "function (file:line)". The first match counts.
LAYERS: Mapping[str, str] = {
    "pymongo": r"\((pymongo|bson)/",
    "hand-over": r"\(concurrent/futures/|\(services/account/database/",
    "log lines": r"\(logging/|\(services/common/logs\.py|^_record ",
    "metrics": r"\(prometheus_client/",
    "trace, deadline": r"\(services/common/(tracing|deadline)\.py",
    "calls": r"\(grpc|\(services/common/(in_process|clients|server|status)\.py",
    "tokens": r"\(jose/|\(services/gateway/http/(tokens|access)\.py",
    "JSON": r"\(services/gateway/(convert|http/responses)\.py|\(json/",
    "HTTP": r"\((uvicorn|starlette)/|\(services/gateway/http/",
    "rules": r"\(services/(?!common/process|compact)",
}
COLUMNS = [OTHER_THREADS, *LAYERS, REST]
PATTERNS = {layer: re.compile(pattern) for layer, pattern in LAYERS.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of a running suite that serves no other purpose")
    parser.add_argument("--seconds", type=int, default=8, help="of each kind of request (default %(default)s)")
    parser.add_argument("--hot", action="store_true", help="only a few items and pages, for the response cache")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--record", metavar="HEADING", help="put the table into load/RESULTS.md")
    parser.add_argument("--stacks", type=Path, help="keep py-spy's files in this folder")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("no wrk: install it (Debian and Ubuntu: apt-get install wrk), then run this again")
    target = http_targets.suite_target("seen", options.folder.resolve())
    with tempfile.TemporaryDirectory(prefix="seen-profile-") as name:
        folder = options.stacks or Path(name)
        folder.mkdir(exist_ok=True)
        http_targets.load_items(target, Path(name))
        traffic = prepare([target], hot=options.hot)[target.name]
        rows = [f"| request | all | mongod | {' | '.join(COLUMNS)} |", f"|---|{'--:|' * (len(COLUMNS) + 2)}"]
        for kind in options.kinds:
            rows.append(profile(target, kind, traffic, options.seconds, folder).row())
            print(rows[-1], flush=True)
    conditions = f"{datetime.now(UTC):%Y-%m-%d}, {options.seconds} s for each kind of request. {results.machine()}."
    text = f"{conditions}\n\n" + "\n".join(rows)
    print(f"\n{text}")
    if options.record:
        results.put(results.RESULTS, "profile_http", options.record, text)


@dataclass(frozen=True)
class Profile:
    """`main_s`: processor seconds of the main threads by process. `samples`: theirs, by process and layer."""

    measurement: Measurement
    main_s: Mapping[str, float]
    samples: Mapping[str, Counter[str]]

    def row(self) -> str:
        """Milliseconds of each layer, summed over the processes."""
        requests = self.measurement.requests + CONNECTIONS
        ms: defaultdict[str, float] = defaultdict(float)
        for process, counts in self.samples.items():
            main_ms = self.main_s[process] * 1000 / requests
            ms[OTHER_THREADS] += max(0.0, self.measurement.processor_ms[process] - main_ms)
            for layer, count in counts.items():
                ms[layer] += main_ms * count / counts.total()
        cells = [self.measurement.total_ms, self.measurement.processor_ms["mongod"], *(ms[name] for name in COLUMNS)]
        return f"| {self.measurement.kind} | {' | '.join(f'{cell:.3f}' for cell in cells)} |"


def profile(target: Target, kind: str, traffic: Traffic, seconds: int, folder: Path) -> Profile:
    """Times and samples come from different runs: py-spy stops the process for each sample."""

    def run() -> Measurement:
        amount = NEW_MARKS_PER_SECOND * seconds if kind in NEW_MARKS else DIFFERENT
        return measure(target, kind, 0, traffic.make(kind, amount), seconds, folder / "requests")

    pids = {name: pid for name, pid in target.pids.items() if not name.startswith("mongod")}
    before = {name: main_thread_s(pid) for name, pid in pids.items()}
    measurement = run()
    main_s = {name: main_thread_s(pid) - before[name] for name, pid in pids.items()}
    files = {name: folder / f"{kind} {name}.txt" for name in pids}
    spies = [start_py_spy(pid, files[name], seconds - START_S) for name, pid in pids.items()]
    run()
    for spy in spies:
        spy.wait()
    return Profile(measurement, main_s, {name: by_layer(file.read_text().splitlines()) for name, file in files.items()})


def start_py_spy(pid: int, file: Path, seconds: int) -> "subprocess.Popen[bytes]":
    command = [str(PY_SPY), "record", "--threads", "--pid", str(pid), "--format", "raw", "--output", str(file)]
    command += ["--rate", str(RATE), "--duration", str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def main_thread_s(pid: int) -> float:
    [thread] = [thread for thread in psutil.Process(pid).threads() if thread.id == pid]
    return float(thread.user_time + thread.system_time)


def by_layer(lines: Iterable[str]) -> Counter[str]:
    """The main thread's samples of each layer. A line has the thread, frames from outermost to innermost, a count."""
    samples: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")
        if MAIN_THREAD in thread:
            samples[layer_of(frames)] += int(count)
    return samples


def layer_of(frames: Sequence[str]) -> str:
    for frame in reversed(frames):
        for layer, pattern in PATTERNS.items():
            if pattern.search(frame):
                return layer
    return REST


if __name__ == "__main__":
    main()
