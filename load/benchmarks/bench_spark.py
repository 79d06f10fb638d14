"""Measures the two questions over generated files with Spark and DuckDB, each run in a process of its own.

`python -m load.benchmarks.bench_spark --titles 1000000 --seconds 600` generates the files unless they exist, runs
everything and prints a Markdown table; `--write` puts it into load/RESULTS.md. Needs the extra `benchmarks`, and Java.
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
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import psutil
import pyspark

from load import results
from load.benchmarks import gen_imdb

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_S = 0.05  # between two samples of the memory


@dataclass(frozen=True)
class Run:
    """`question`: all runs of one question must give the same answer; empty for a run without an answer."""

    name: str
    command: Sequence[str]
    question: str


@dataclass(frozen=True)
class Measurement:
    """`peak`: bytes of resident memory of the process tree, sampled."""

    run: Run
    wall_s: float
    cpu_s: float
    peak: int
    answer: str
    failure: str


def all_runs(data: Path, scratch: Path, memory: str | None) -> Iterator[Run]:
    """In the order of the table. Each writes its answer to `result_file(scratch)`."""
    spark = (sys.executable, "-m", "spark_jobs.submit", *(("--memory", memory) if memory else ()))
    on_duckdb = (sys.executable, "-m", "spark_jobs.run_duckdb")
    files = ("--inputs", str(data), "--output", str(result_file(scratch)))
    edges = ("--edges", str(scratch / "edges"))
    question = "best director"
    yield Run("best director: Spark", (*spark, "best_director", *files), question)
    yield Run("best director: DuckDB", (*on_duckdb, "best_director", *files), question)
    question = "most connected"
    connected = (*spark, "most_connected", *files)
    yield Run("most connected: Spark, bounds", connected, question)
    yield Run("most connected: Spark, all pairs", (*connected, "--all-pairs"), question)
    yield Run("most connected: Spark, writing the edges", (*spark, "coworker_edges", *files, *edges), "")
    yield Run("most connected: Spark, GraphX on the edges", (*connected, *edges), question)
    connected = (*on_duckdb, "most_connected", *files)
    yield Run("most connected: DuckDB, bounds", connected, question)
    yield Run("most connected: DuckDB, all pairs", (*connected, "--all-pairs"), question)


def result_file(scratch: Path) -> Path:
    return scratch / "result.json"


def measure(run: Run, scratch: Path, limit_s: float, log: Path) -> Measurement:
    """Kills the run, with all processes it started, after `limit_s`."""
    with log.open("a") as output:
        print(f"\n== {run.name}: {' '.join(run.command)}", file=output, flush=True)
        started = time.monotonic()
        process = subprocess.Popen(  # noqa: S603
            run.command, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
        tree, peak = psutil.Process(process.pid), 0
        # The resource usage covers the process and its descendants that it waited for, which is all of Spark's.
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            peak = max(peak, resident_bytes(tree))
            if time.monotonic() - started > limit_s:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(SAMPLE_S)
        wall_s = time.monotonic() - started
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    failure = answer = ""
    if process.returncode:
        timed_out = process.returncode == -signal.SIGKILL and wall_s > limit_s
        failure = f"ended after {limit_s:.0f} s" if timed_out else f"exit code {process.returncode}, see {log}"
    elif run.question:
        answer = winner(result_file(scratch).read_text())
    return Measurement(run, wall_s, usage.ru_utime + usage.ru_stime, peak, answer, failure)


def resident_bytes(process: psutil.Process) -> int:
    total = 0
    with suppress(psutil.NoSuchProcess):
        for member in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += member.memory_info().rss
    return total


def winner(result: str) -> str:
    """The id and the measured value of the winner in a job's result."""
    first = json.loads(result)["answer"]["winner"]
    value = f"{first['coworkers']:,}" if "coworkers" in first else f"{first['averageRating']:.3f}"
    return f"{first['person']['id']}, {value}"


def table(measurements: Sequence[Measurement]) -> str:
    rows = ["| what | wall s | cpu s | peak MiB | answer |", "|---|---|---|---|---|"]
    return "\n".join([*rows, *map(table_row, measurements)])


def table_row(measurement: Measurement) -> str:
    times = f"{measurement.wall_s:.1f} | {measurement.cpu_s:.1f}"
    outcome = measurement.failure or measurement.answer
    return f"| {measurement.run.name} | {times} | {measurement.peak >> 20:,} | {outcome} |"


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
    parser.add_argument("--titles", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=900, help="time limit of each run")
    parser.add_argument("--soaps", type=int, default=0, help="see gen_imdb")
    parser.add_argument("--widest", type=int, default=gen_imdb.USUAL_CAST, help="see gen_imdb")
    parser.add_argument("--only", default="", help="regular expression for names of runs, such as 'DuckDB|GraphX'")
    parser.add_argument("--memory", help='heap of Spark, such as "3g"; default: chosen by spark_jobs.submit')
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".cache" / "bench", help="for the generated files, which are kept"
    )
    parser.add_argument("--write", action="store_true", help="put the table into load/RESULTS.md")
    options = parser.parse_args()

    folder = options.folder.resolve()
    data = folder / f"imdb-{options.titles}-{options.soaps}-{options.widest}"
    if not data.exists():
        gen_imdb.generate(data, options.titles, soaps=options.soaps, widest=options.widest)
    log = folder / "bench.log"
    log.write_text("")
    measurements = []
    with tempfile.TemporaryDirectory(dir=folder, prefix="scratch-") as name:
        scratch = Path(name)
        for run in all_runs(data, scratch, options.memory):
            if re.search(options.only, run.name):
                if (busy := os.getloadavg()[0]) > 1:
                    print(f"load average {busy:.1f}: another program is running; do not trust times", file=sys.stderr)
                measurements.append(measure(run, scratch, options.seconds, log))
                print(table_row(measurements[-1]), flush=True)
    size = sum(file.stat().st_size for file in data.iterdir())
    heading = f"{options.titles:,} titles"
    if options.soaps:
        heading += f", {options.soaps} daily shows"
    if options.widest > gen_imdb.USUAL_CAST:
        heading += f", casts of up to {options.widest}"
    conditions = f"{datetime.now(UTC):%Y-%m-%d}, {size >> 20:,} MiB in five files, in the page cache. {machine()}."
    text = f"{conditions}\n\n{table(measurements)}"
    print(f"\n{heading}: {text}")
    if options.write:
        results.put(results.RESULTS, "bench_spark", heading, text)
    if different := disagreements(measurements):
        sys.exit("the answers differ: " + "; ".join(different))


if __name__ == "__main__":
    main()
