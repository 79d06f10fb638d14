"""Measures the two questions over generated files with Spark and DuckDB, each run in a process of its own.

`python -m load.benchmarks.spark --titles 1000000 --seconds 600` generates the files unless they exist, runs
everything and prints a table; `--record` puts it into load/RESULTS.md. Needs the extra `benchmarks`, and Java.
"""

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import duckdb
import pyspark

from load import results
from load.benchmarks import child_process
from load.benchmarks.child_process import Usage
from load.benchmarks.spark import generate
from scripts.local.suite import ROOT

FOLDER = ROOT / ".cache" / "spark"  # keeps the generated files
SAMPLE_S = 0.05  # between two samples of the memory
COLUMNS = ("what", "wall s", "cpu s", "peak MiB", "answer")


@dataclass(frozen=True)
class Run:
    """`question`: all runs of one question must give the same answer; empty for a run without an answer."""

    name: str
    command: Sequence[str]
    question: str


@dataclass(frozen=True)
class Measurement:
    """`answer` is empty if the run has none or has failed."""

    run: Run
    usage: Usage
    answer: str
    failure: str

    def cells(self) -> list[str]:
        usage = self.usage
        times = (f"{usage.wall_s:.1f}", f"{usage.cpu_s:.1f}")
        return [self.run.name, *times, f"{usage.peak >> 20:,}", self.failure or self.answer]


def all_runs(data: Path, scratch: Path) -> Iterator[Run]:
    """In the order of the table. Each writes its answer to `result_file(scratch)`."""
    on_spark = (sys.executable, "-m", "spark_jobs.submit")
    on_duckdb = (sys.executable, "-m", "spark_jobs.run_duckdb")
    files = ("--inputs", str(data), "--output", str(result_file(scratch)))
    edges = ("--edges", str(scratch / "edges"))
    question = "best director"
    yield Run("best director: Spark", (*on_spark, "best_director", *files), question)
    yield Run("best director: DuckDB", (*on_duckdb, "best_director", *files), question)
    question = "most connected"
    connected = (*on_spark, "most_connected", *files)
    yield Run("most connected: Spark, bounds", connected, question)
    yield Run("most connected: Spark, all pairs", (*connected, "--all-pairs"), question)
    yield Run("most connected: Spark, writing the edges", (*on_spark, "coworker_edges", *files, *edges), "")
    yield Run("most connected: Spark, GraphX on the edges", (*connected, *edges), question)
    connected = (*on_duckdb, "most_connected", *files)
    yield Run("most connected: DuckDB, bounds", connected, question)
    yield Run("most connected: DuckDB, all pairs", (*connected, "--all-pairs"), question)


def result_file(scratch: Path) -> Path:
    return scratch / "result.json"


def measure(run: Run, scratch: Path, limit_s: float, log: IO[str]) -> Measurement:
    print(f"\n== {run.name}: {' '.join(run.command)}", file=log, flush=True)
    usage = child_process.run(run.command, log, lambda process: process.memory_info().rss, SAMPLE_S, limit_s)
    failure = answer = ""
    if usage.exit_code:
        timed_out = usage.exit_code == -signal.SIGKILL and usage.wall_s > limit_s
        failure = f"ended after {limit_s:.0f} s" if timed_out else f"exit code {usage.exit_code}, see {log.name}"
    elif run.question:
        answer = winner(result_file(scratch).read_text())
    return Measurement(run, usage, answer, failure)


def winner(result: str) -> str:
    """The id and the measured value of the winner in a job's result; small files may have none."""
    first = json.loads(result)["answer"].get("winner")
    if not first:
        return "nobody"
    value = f"{first['coworkers']:,}" if "coworkers" in first else f"{first['averageRating']:.3f}"
    return f"{first['person']['id']}, {value}"


def machine() -> str:
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.partition("\n")[0]  # noqa: S607
    return (
        f"{results.machine()}; {java}; Python {platform.python_version()}, Spark {pyspark.__version__}, "
        f"DuckDB {duckdb.__version__}"
    )


def disagreements(measurements: Sequence[Measurement]) -> list[str]:
    answers: dict[str, set[str]] = defaultdict(set)
    for measurement in measurements:
        if measurement.answer:
            answers[measurement.run.question].add(measurement.answer)
    return [
        f"{question}: {' / '.join(sorted(different))}" for question, different in answers.items() if len(different) > 1
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=int, default=1_000_000, help="in the generated files (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=900, help="time limit of each run (default %(default)s)")
    parser.add_argument("--only", default="", help="regular expression for names of runs, such as 'DuckDB|GraphX'")
    parser.add_argument("--record", action="store_true", help="put the table into load/RESULTS.md")
    options = parser.parse_args()
    data = FOLDER / f"imdb-{options.titles}"
    if not data.exists():
        generate.write_files(data, options.titles)
    measurements = []
    with (FOLDER / "runs.log").open("w") as log, tempfile.TemporaryDirectory(dir=FOLDER, prefix="scratch-") as name:
        for run in all_runs(data, Path(name)):
            if re.search(options.only, run.name):
                if (busy := os.getloadavg()[0]) > 1:
                    print(f"load average {busy:.1f}: another program is running; do not trust times", file=sys.stderr)
                measurements.append(measure(run, Path(name), options.seconds, log))
                print(" | ".join(measurements[-1].cells()), file=sys.stderr)
    size = sum(file.stat().st_size for file in data.iterdir())
    text = (
        f"{datetime.now(UTC):%Y-%m-%d}, {size >> 20:,} MiB in five files, in the page cache. {machine()}.\n\n"
        + results.table("lllll", COLUMNS, (measurement.cells() for measurement in measurements))
    )
    print(text)
    if options.record:
        results.put(results.RESULTS, "load.benchmarks.spark", f"{options.titles:,} titles", text)
    if different := disagreements(measurements):
        sys.exit("the answers differ: " + "; ".join(different))


if __name__ == "__main__":
    main()
