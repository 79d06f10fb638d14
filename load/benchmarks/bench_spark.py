"""Times the two questions over generated files: in Spark every way, in DuckDB and in Polars, each in its own process.

`python -m load.bench_spark --titles 1000000 --seconds 600` generates the files (once), runs all and prints a Markdown
table; `--write` puts it into load/RESULTS.md. Needs the extra `bench`, and Java.
"""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars
import psutil
import pyspark

from load import results
from load.benchmarks import gen_imdb

ROOT = Path(__file__).resolve().parents[2]
EMPTY = """\
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(1).count()
spark.stop()
"""


@dataclass(frozen=True)
class Run:
    name: str
    command: Sequence[str]
    output: Path | None = None
    """Where the answer is written; standard output where None."""
    says: str = "answer"
    """What is expected of it: an answer that all of the same name must agree on, or none ("")."""


@dataclass(frozen=True)
class Measured:
    run: Run
    wall: float
    cpu: float
    peak: int
    """Bytes of memory held by the process and all it started, at most, asked ten times a second."""
    answer: str
    failure: str = ""


def runs(data: Path, scratch: Path, archive: Path, memory: str | None) -> Iterator[Run]:
    """All of them, in the order of the table."""
    python = sys.executable
    heap = ["--memory", memory] if memory else []
    fast = ["--archive", str(archive)]
    submit = (python, "-m", "spark_jobs.submit")
    result = scratch / "result.json"
    to = ("--inputs", str(data), "--output", str(result))
    edges = ("--edges", str(scratch / "edges"))

    (scratch / "empty.py").write_text(EMPTY)
    empty = (python, "-c", START, str(scratch / "empty.py"))
    yield Run("Spark: nothing but start", (*empty, ""), says="")
    yield Run("Spark: nothing but start, class archive", (*empty, str(archive)), says="")

    yield Run("best director: Spark", (*submit, *heap, "best_director", *to), result, "best director")
    yield Run(
        "best director: Spark, class archive", (*submit, *heap, *fast, "best_director", *to), result, "best director"
    )
    duck = (python, "-m", "spark_jobs.embedded")
    yield Run("best director: DuckDB", (*duck, "best_director", *to), result, "best director")
    pola = (python, "-m", "load.polars_jobs")
    yield Run("best director: Polars", (*pola, "best_director", str(data)), None, "best director")

    connected = (*submit, *heap, "most_connected", *to)
    yield Run("most connected: Spark, bounds", connected, result, "most connected")
    archived = (*submit, *heap, *fast, "most_connected", *to)
    yield Run("most connected: Spark, bounds, class archive", archived, result, "most connected")
    yield Run("most connected: Spark, all pairs", (*connected, "--all-pairs"), result, "most connected")
    yield Run("most connected: Spark, writing the edges", (*submit, *heap, "coworker_edges", *to, *edges), result, "")
    yield Run("most connected: Spark, GraphX on the edges", (*connected, *edges), result, "most connected")
    yield Run("most connected: DuckDB, bounds", (*duck, "most_connected", *to), result, "most connected")
    yield Run(
        "most connected: DuckDB, all pairs", (*duck, "most_connected", *to, "--all-pairs"), result, "most connected"
    )
    yield Run("most connected: Polars, bounds", (*pola, "most_connected", str(data)), None, "most connected")
    yield Run("most connected: Polars, all pairs", (*pola, "all_pairs", str(data)), None, "most connected")


START = """\
import os, sys
from pathlib import Path
from spark_jobs import submit
java = submit.java_options(0, Path(sys.argv[2]) if sys.argv[2] else None)
command = submit.spark_submit(sys.argv[1], [], "1g", java)
os.execvpe(command[0], command, os.environ | submit.environment())
"""


class Watch(threading.Thread):
    """Follows the memory of a process tree until it has ended."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._root = psutil.Process(pid)
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.1):
            with suppress(psutil.NoSuchProcess):
                tree = [self._root, *self._root.children(recursive=True)]
                self.peak = max(self.peak, sum(self._memory(process) for process in tree))

    @staticmethod
    def _memory(process: psutil.Process) -> int:
        with suppress(psutil.NoSuchProcess):
            return int(process.memory_info().rss)
        return 0

    def end(self) -> int:
        self._ended.set()
        self.join()
        return self.peak


def measure(run: Run, limit_s: float, log: Path) -> Measured:
    """Ends the run, and all it started, after `limit_s`."""
    with log.open("a") as errors:
        errors.write(f"\n== {run.name}: {' '.join(run.command)}\n")
        errors.flush()
        started = time.monotonic()
        process = subprocess.Popen(  # noqa: S603
            run.command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        )
        watch = Watch(process.pid)
        watch.start()
        late = threading.Timer(limit_s, lambda: os.killpg(process.pid, signal.SIGKILL))
        late.start()
        last = ""
        assert process.stdout
        for line in process.stdout:
            last = line
            errors.write(line)
            show(f"{run.name}: {time.monotonic() - started:.0f} s, {stage(line)}")
        # Of the process and all of its descendants that have been waited for, as all of Spark's are.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    late.cancel()
    peak = watch.end()
    failure = ""
    if process.returncode:
        failure = f"ended after {limit_s:.0f} s" if wall >= limit_s else f"exit code {process.returncode}, see {log}"
    answer = "" if failure or not run.says else winner(run.output.read_text() if run.output else last)
    return Measured(run, wall, usage.ru_utime + usage.ru_stime, peak, answer, failure)


def stage(line: str) -> str:
    with suppress(ValueError, TypeError, KeyError):
        told = json.loads(line)
        return f"{told['share']:.0%} {told['stage']}"
    return ""


def show(text: str) -> None:
    """On the terminal's last line, in place of what it says; a file is spared it."""
    if not sys.stderr.isatty():
        return
    width = shutil.get_terminal_size().columns - 1
    print(f"\r{text[:width]:<{width}}", end="", file=sys.stderr, flush=True)


def winner(text: str) -> str:
    """Who, and how many: of a job's result, or of a pair."""
    result = json.loads(text)
    if isinstance(result, list):
        number, value = result
        return f"nm{number:07d}, {value:.3f}" if isinstance(value, float) else f"nm{number:07d}, {value:,}"
    first: dict[str, Any] = result["winner"]
    value = first.get("coworkers") or first["averageRating"]
    told = f"{value:.3f}" if isinstance(value, float) else f"{value:,}"
    return f"{first['person']['id']}, {told}"


def table(measured: Sequence[Measured]) -> str:
    rows = ["| what | wall s | cpu s | peak MiB | answer |", "|---|---|---|---|---|"]
    for one in measured:
        told = one.failure or one.answer
        rows.append(f"| {one.run.name} | {one.wall:.1f} | {one.cpu:.1f} | {one.peak >> 20:,} | {told} |")
    return "\n".join(rows)


def machine() -> str:
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.partition("\n")[0]  # noqa: S607
    return (
        f"{results.machine()}; {java}; Python {platform.python_version()}, Spark {pyspark.__version__}, "
        f"DuckDB {duckdb.__version__}, Polars {polars.__version__}"
    )


def disagreements(measured: Sequence[Measured]) -> list[str]:
    found = []
    for question in {one.run.says for one in measured if one.answer}:
        answers = {one.answer for one in measured if one.answer and one.run.says == question}
        if len(answers) > 1:
            found.append(f"{question}: {' but also '.join(sorted(answers))}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=900, help="after which a run is ended")
    parser.add_argument("--soaps", type=int, default=0, help="see load/gen_imdb.py")
    parser.add_argument("--widest", type=int, default=22, help="see load/gen_imdb.py")
    parser.add_argument(
        "--only", default="", help="regular expression for the names of the runs, such as 'DuckDB|GraphX'"
    )
    parser.add_argument("--memory", help='heap of Spark, such as "3g"; default: as spark_jobs.submit has it')
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".cache" / "bench", help="of the files; kept for next time"
    )
    parser.add_argument("--write", action="store_true", help="put the table into load/RESULTS.md")
    options = parser.parse_args()

    what = f"{options.titles}-{options.soaps}-{options.widest}"
    data = options.folder / f"imdb-{what}"
    if not data.exists():
        gen_imdb.generate(data, options.titles, soaps=options.soaps, widest=options.widest)
    archive = options.folder / "spark.jsa"
    log = options.folder / "bench.log"
    log.write_text("")
    if not archive.exists():
        measure(
            Run(
                "class archive",
                (sys.executable, "-m", "spark_jobs.submit", "--archive", str(archive), "--make-archive"),
                says="",
            ),
            300,
            log,
        )
    measured = []
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="scratch-") as scratch:
        for run in runs(data, Path(scratch), archive, options.memory):
            if re.search(options.only, run.name):
                load = os.getloadavg()[0]
                if load > 1:
                    print(f"\nload average {load:.1f}: something else runs, so trust no times", file=sys.stderr)
                measured.append(measure(run, options.seconds, log))
                show("")
                print(table(measured[-1:]).splitlines()[-1], flush=True)
    size = sum(file.stat().st_size for file in data.iterdir())
    extra = (f", {options.soaps} daily shows" if options.soaps else "") + (
        f", casts of up to {options.widest}" if options.widest > 22 else ""
    )
    heading = f"{options.titles:,} titles{extra}"
    about = f"{datetime.now(UTC):%Y-%m-%d}, {size >> 20:,} MiB in five files, read before. {machine()}."
    text = f"{about}\n\n{table(measured)}"
    print(f"\n{heading}: {text}")
    if options.write:
        results.put(results.RESULTS, "bench_spark", heading, text)
    if wrong := disagreements(measured):
        sys.exit("the answers differ: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
