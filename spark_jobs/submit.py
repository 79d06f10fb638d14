"""Starts a job with spark-submit on this machine, with settings that fit the machine and the size of the inputs.

`python -m spark_jobs.submit best_director --inputs FOLDER --output FILE` becomes the spark-submit process.
"""

import argparse
import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from spark_jobs import best_director, coworker_edges, item_pairs, most_connected
from spark_jobs.imdb_files import FORMS
from spark_jobs.steps import Progress
from spark_jobs.views import ALL_VIEWS

JOBS = {job.JOB.name: job.VIEW_NAMES for job in (best_director, most_connected, coworker_edges, item_pairs)}

SMALL = 256 << 20
"""Bytes of input below which the JVM's second compiler costs more time than it saves."""

# No web page of Spark; all ports listen on loopback only.
CONF = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "WARN",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
# Options of the small JVM that spark-submit starts first, to build the command of the driver's JVM.
LAUNCHER = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"


class SparkMissing(Exception):
    """Spark cannot run on this machine. The message says what is missing, and is shown to users."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m spark_jobs.submit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--memory", help='heap, such as "4g"; default: enough for the inputs, at most half of the machine'
    )
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the job's arguments: see `… submit JOB --help`")
    options = parser.parse_args(arguments)
    try:
        main_file = Path(__file__).with_name(f"{options.job}.py")
        command = spark_submit(main_file.resolve(), options.arguments, options.memory)
    except SparkMissing as error:
        Progress().failed(str(error))
        sys.exit(1)
    os.execvpe(command[0], command, os.environ | environment())  # noqa: S606 (no shell takes part)


def spark_submit(main_file: Path, arguments: Sequence[str], memory: str | None = None) -> list[str]:
    """The command that runs a job. `memory` is the heap, such as "4g". By default, it depends on the inputs' size."""
    size = input_bytes(main_file.stem, arguments)
    conf = [part for name, value in CONF.items() for part in ("--conf", f"{name}={value}")]
    return [
        *(program(), "--master", "local[*]", "--driver-memory", memory or f"{heap(size) >> 20}m", *conf),
        *("--driver-java-options", " ".join(java_options(size)), str(main_file), *arguments),
    ]


def java_options(size: int) -> list[str]:
    """`size`: bytes of the inputs."""
    compiler = ["-XX:TieredStopAtLevel=1"] if size < SMALL else []
    return [*compiler, "-XX:+UseParallelGC"]


def heap(size: int) -> int:
    """Bytes of heap for `size` bytes of inputs. A gigabyte is enough for a million titles, four for nine million."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min((1 << 30) + size * 3 // 5, machine // 2)


def environment() -> dict[str, str]:
    return {
        # By default, workers use the first python3 on the PATH, which may lack the packages.
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_LAUNCHER_OPTS": LAUNCHER,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def program() -> str:
    """The path of spark-submit: from SPARK_HOME, the PATH, or the pyspark package, which contains all of Spark."""
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise SparkMissing("Spark needs Java, and there is none on this machine")
    if home := os.environ.get("SPARK_HOME"):
        return str(Path(home, "bin", "spark-submit"))
    if path := shutil.which("spark-submit"):
        return path
    package = importlib.util.find_spec("pyspark")
    if package is None or package.origin is None:
        raise SparkMissing("Spark is not installed on this machine")
    return str(Path(package.origin).parent / "bin" / "spark-submit")


def input_bytes(job: str, arguments: Sequence[str]) -> int:
    """The size of the job's local inputs as plain text. Parquet and gzip files contain about four times their size."""
    parser = argparse.ArgumentParser(add_help=False)
    for option in ("inputs", *JOBS[job]):
        parser.add_argument(f"--{option}", default="")
    options = vars(parser.parse_known_args(arguments)[0])
    size = 0
    for name in JOBS[job]:
        candidates = (
            [options[name]] if options[name] else [f"{options['inputs']}/{ALL_VIEWS[name].file}{f}" for f in FORMS]
        )
        path = next((Path(candidate) for candidate in candidates if os.path.exists(candidate)), None)
        if path is not None:
            files = path.rglob("*.parquet") if path.is_dir() else [path]
            size += sum(file.stat().st_size * (1 if file.suffix == ".tsv" else 4) for file in files)
    return size


if __name__ == "__main__":
    main()
