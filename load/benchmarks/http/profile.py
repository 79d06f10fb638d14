"""Where the processor time of each kind of request goes: samples of the call stacks while wrk sends requests.

    ./scripts/local.sh --compact --data /tmp/seen --detach --set SEEN_GATEWAY_CACHE_TTL_S=0
    python -m load.benchmarks.http.profile /tmp/seen

py-spy samples the main threads of a running suite's Python processes. A sample counts for the layer of the innermost
frame that belongs to a layer, so that library code counts for its caller. A layer's time is its share of the samples
multiplied by the processor time that the operating system counted for the thread. All other threads, which run SQL and
poll gRPC's connections, are one figure. The stacks are kept in .cache/http/stacks. Needs the extra `benchmarks`, wrk,
and permission to trace processes.
"""

import argparse
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from load import results
from load.benchmarks.http import targets
from load.benchmarks.http.measure import CONNECTIONS, Measurement, measure, prepare, require_wrk
from load.benchmarks.http.requests import KINDS, Traffic
from load.benchmarks.http.targets import Target
from scripts.local.suite import ROOT

STACKS = ROOT / ".cache" / "http" / "stacks"
PY_SPY = Path(sys.executable).with_name("py-spy")
RATE = 400  # samples a second
START_S = 1  # for py-spy to attach
MAIN_THREAD, OTHER_THREADS, REST = "MainThread", "other threads", "event loop"
# By layer: the beginnings of its files' paths. The first matching layer counts.
LAYERS = {
    "pymongo": ("pymongo/", "bson/"),
    "hand-over": ("concurrent/futures/", "services/account/database/"),
    "log lines": ("logging/", "services/common/logs.py"),
    "metrics": ("prometheus_client/",),
    "trace, deadline": ("services/common/tracing.py", "services/common/deadline.py"),
    "calls": ("grpc", *(f"services/common/{name}.py" for name in ("in_process", "clients", "server", "status"))),
    "tokens": ("jose/", "services/gateway/http/tokens.py", "services/gateway/http/access.py"),
    "JSON": ("json/", "services/gateway/convert.py", "services/gateway/http/responses.py"),
    "HTTP": ("uvicorn/", "starlette/", "services/gateway/http/"),
    "rules": ("services/",),
}
# The outermost frames of every stack, and a service's __main__.py.
NO_LAYER = ("services/common/process.py", "services/compact/")
ACCESS_LINE = "_record ("  # the gateway's function that writes the log line of a request
COLUMNS = (OTHER_THREADS, *LAYERS, REST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", type=Path, metavar="DIR", help="folder of a suite that scripts/local.sh runs")
    parser.add_argument("--seconds", type=int, default=8, help="for each kind of request (default %(default)s)")
    parser.add_argument("--record", metavar="HEADING", help="put the table into load/RESULTS.md")
    options = parser.parse_args()
    require_wrk()
    STACKS.mkdir(parents=True, exist_ok=True)
    target = targets.suite_target("seen", options.suite)
    targets.load_items(target)
    traffic = prepare(target)
    rows = []
    for kind in KINDS:
        rows.append(profile(target, traffic, kind, options.seconds).cells())
        print(" | ".join(rows[-1]), file=sys.stderr)
    text = (
        f"{datetime.now(UTC):%Y-%m-%d}, {options.seconds} s for each kind of request. {results.machine()}.\n\n"
        + results.table("l" + "r" * (len(COLUMNS) + 2), ("request", "all", "mongod", *COLUMNS), rows)
    )
    print(text)
    if options.record:
        results.put(results.RESULTS, "load.benchmarks.http.profile", options.record, text)


@dataclass(frozen=True)
class Profile:
    """Of the main threads: `main_s` are processor seconds by process, `samples` counts by process and layer."""

    measurement: Measurement
    main_s: Mapping[str, float]
    samples: Mapping[str, Counter[str]]

    def cells(self) -> list[str]:
        """Milliseconds of each layer, summed over the processes."""
        requests = self.measurement.requests + CONNECTIONS
        ms: defaultdict[str, float] = defaultdict(float)
        for process, counts in self.samples.items():
            main_ms = self.main_s[process] * 1000 / requests
            ms[OTHER_THREADS] += max(0.0, self.measurement.processor_ms[process] - main_ms)
            for layer, count in counts.items():
                ms[layer] += main_ms * count / counts.total()
        figures = [self.measurement.total_ms, self.measurement.processor_ms["mongod"], *(ms[name] for name in COLUMNS)]
        return [self.measurement.kind, *(f"{figure:.3f}" for figure in figures)]


def profile(target: Target, traffic: Traffic, kind: str, seconds: int) -> Profile:
    """Times and samples come from different runs: py-spy stops the process for each sample."""
    pids = {name: pid for name, pid in target.pids.items() if not name.startswith("mongod")}
    before = {name: main_thread_s(pid) for name, pid in pids.items()}
    measurement = measure(target, traffic, kind, seconds)
    main_s = {name: main_thread_s(pid) - before[name] for name, pid in pids.items()}
    files = {name: STACKS / f"{kind} {name}.txt" for name in pids}
    spies = [start_py_spy(pid, files[name], seconds - START_S) for name, pid in pids.items()]
    measure(target, traffic, kind, seconds)
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
    """Counts the main thread's samples. A line has the thread, the frames from outermost to innermost, and a count."""
    samples: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")
        if MAIN_THREAD in thread:
            samples[layer_of(frames)] += int(count)
    return samples


def layer_of(frames: Sequence[str]) -> str:
    """The frames are in py-spy's form "function (file:line)"."""
    for frame in reversed(frames):
        if frame.startswith(ACCESS_LINE):
            return "log lines"
        file = frame.rpartition("(")[2].partition(":")[0]
        if not file.startswith(NO_LAYER) and not file.endswith("/__main__.py"):
            for layer, beginnings in LAYERS.items():
                if file.startswith(beginnings):
                    return layer
    return REST


if __name__ == "__main__":
    main()
