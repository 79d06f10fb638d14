"""Starts a job with spark-submit on this machine, with settings that suit the machine and the inputs.

`python -m spark_jobs.submit best_director --inputs FOLDER --output FILE` becomes spark-submit: same process, same
output. With `--archive FILE --make-archive` it keeps Spark's classes as the JVM has loaded them, once for each version
of Spark and Java; with `--archive FILE` alone a job then starts in two thirds of the time.
"""

import argparse
import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from spark_jobs import best_director, most_connected
from spark_jobs.progress import Progress
from spark_jobs.views import FORMS, VIEWS

JOBS = {
    "best_director": best_director.VIEWS,
    "most_connected": most_connected.VIEWS,
    "coworker_edges": ("principals",),
}
FOLDER = Path(__file__).resolve().parent

SMALL = 256 << 20
"""Bytes of input that are read before the JVM's second compiler has paid for itself."""

# Nobody looks at a job's own web page, and it listens on nothing that others reach.
CONF = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "WARN",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
# The small program that puts spark-submit's command together is a JVM too.
LAUNCHER = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"


class NoSpark(Exception):
    """This machine cannot run Spark; the message is a sentence that says what it lacks."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m spark_jobs.submit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--memory", help='heap, such as "4g"; default: enough for the inputs, at most half of the machine'
    )
    parser.add_argument("--archive", type=Path, help="the file of --make-archive; ignored where it is missing or stale")
    parser.add_argument("--make-archive", action="store_true", help="write it: takes half a minute and 120 MB")
    parser.add_argument("job", nargs="?", choices=JOBS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the job: see `… submit JOB --help`")
    options = parser.parse_args(arguments)
    try:
        command = _command(parser, options)
    except NoSpark as error:
        Progress().failed(str(error))
        sys.exit(1)
    os.execvpe(command[0], command, os.environ | environment())  # noqa: S606 - no shell takes part


def _command(parser: argparse.ArgumentParser, options: argparse.Namespace) -> list[str]:
    if options.make_archive:
        options.archive.unlink(missing_ok=True)
        java = [f"-XX:ArchiveClassesAtExit={options.archive}"]
        return spark_submit(str(FOLDER / "warm_up.py"), [], options.memory or "1g", java)
    if options.job:
        size = input_bytes(options.job, options.arguments)
        java = java_options(size, options.archive)
        memory = options.memory or f"{heap(size) >> 20}m"
        return spark_submit(str(FOLDER / f"{options.job}.py"), options.arguments, memory, java)
    parser.error("name a job, or --make-archive")


def spark_submit(main_file: str, arguments: Sequence[str], memory: str, java: Sequence[str]) -> list[str]:
    conf = [part for name, value in CONF.items() for part in ("--conf", f"{name}={value}")]
    return [
        *(program(), "--master", "local[*]", "--driver-memory", memory, *conf),
        *("--driver-java-options", " ".join(java), main_file, *arguments),
    ]


def java_options(size: int, archive: Path | None) -> list[str]:
    compiler = ["-XX:TieredStopAtLevel=1"] if size < SMALL else []
    classes = [f"-XX:SharedArchiveFile={archive}"] if archive else []
    return [*compiler, *classes, "-XX:+UseParallelGC"]


def heap(size: int) -> int:
    """A gigabyte is enough for a million titles, four for nine million."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min((1 << 30) + size * 3 // 5, machine // 2)


def environment() -> dict[str, str]:
    # Workers would else take the first python3 on the PATH, with other packages or none.
    return {
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_LAUNCHER_OPTS": LAUNCHER,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def program() -> str:
    """spark-submit: of SPARK_HOME, of the PATH, or of PySpark's package, which brings all of Spark."""
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise NoSpark("Spark needs Java, and there is none on this machine")
    if home := os.environ.get("SPARK_HOME"):
        return str(Path(home, "bin", "spark-submit"))
    if found := shutil.which("spark-submit"):
        return found
    package = importlib.util.find_spec("pyspark")
    if package is None or package.origin is None:
        raise NoSpark("Spark is not installed on this machine")
    return str(Path(package.origin).parent / "bin" / "spark-submit")


def input_bytes(job: str, arguments: Sequence[str]) -> int:
    """The size of what the job reads, as far as it is here. Parquet and gzip hold about four times as much."""
    parser = argparse.ArgumentParser(add_help=False)
    for option in ("inputs", *JOBS[job]):
        parser.add_argument(f"--{option}", default="")
    options = vars(parser.parse_known_args(arguments)[0])
    size = 0
    for name in JOBS[job]:
        paths = (
            [options[name]] if options[name] else [f"{options['inputs']}/{VIEWS[name].file}{form}" for form in FORMS]
        )
        found = next((Path(path) for path in paths if os.path.exists(path)), None)
        if found is not None:
            files = found.rglob("*.parquet") if found.is_dir() else [found]
            size += sum(file.stat().st_size * (1 if file.suffix == ".tsv" else 4) for file in files)
    return size


if __name__ == "__main__":
    main()
