"""What the jobs' mains share: the arguments, the result, and how a failure is told."""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from spark_jobs import answer
from spark_jobs.engine import Engine
from spark_jobs.progress import Progress
from spark_jobs.views import VIEWS, InputError, check, find

Exists = Callable[[str], bool]
Write = Callable[[str, str], None]
OpenEngine = Callable[[Mapping[str, str]], AbstractContextManager[Engine]]


@dataclass(frozen=True)
class Job:
    name: str
    about: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    views: Callable[[argparse.Namespace], tuple[str, ...]]
    """The views that the job reads, given its arguments."""
    solve: Callable[[Engine, Progress, argparse.Namespace], dict[str, Any]]

    def add_all_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--inputs", metavar="URI", help="the folder of IMDb's files, as .tsv, .tsv.gz or .parquet")
        for name, view in VIEWS.items():
            parser.add_argument(f"--{name}", metavar="URI", help=f"{view.file}, where it is not among --inputs")
        parser.add_argument("--output", metavar="URI", required=True, help="the file to write the result to, as JSON")
        parser.add_argument("--runners-up", type=int, default=9, help="how many to name after the winner; default 9")
        self.add_arguments(parser)


def on_spark(job: Job, arguments: Sequence[str] | None = None) -> None:
    """The main of a job that spark-submit, a cluster or plain Python has started."""
    from spark_jobs import spark_reader

    parser = argparse.ArgumentParser(
        prog=f"{job.name}.py", description=job.about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    job.add_all_arguments(parser)
    options = parser.parse_args(arguments)
    with spark_reader.session(job.name) as spark:
        run(
            job,
            options,
            lambda paths: spark_reader.SparkEngine.open(spark, paths),
            lambda uri: spark_reader.exists(spark, uri),
            lambda uri, text: spark_reader.write(spark, uri, text),
        )


def run(job: Job, options: argparse.Namespace, open_engine: OpenEngine, exists: Exists, write: Write) -> None:
    """Solves and writes the result. Whatever goes wrong is told as progress, and ends the program with exit code 1."""
    signal.signal(signal.SIGTERM, _terminate)
    progress = Progress()
    started = time.monotonic()
    try:
        paths = _paths(job.views(options), options, exists)
        with open_engine(paths) as engine:
            solved = job.solve(engine, progress, options)
            lines = engine.lines()
            for name, read in lines.items():
                check(name, read.path, read.lines, read.unreadable)
            result = {
                "question": job.name,
                "parameters": _parameters(job, options),
                "computedAt": datetime.now(UTC).isoformat(timespec="seconds"),
                "seconds": round(time.monotonic() - started, 1),
                "engine": engine.version,
                **solved,
                "inputs": answer.inputs(lines),
            }
            write(options.output, json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    except InputError as error:
        progress.failed(str(error))
        sys.exit(1)
    except Exception as error:
        # Of an error in the JVM, the first line only says which call it was.
        progress.failed(f"{type(error).__name__}: {' '.join(str(error).split(chr(10))[:2]).strip()[:500]}")
        raise
    progress.done()


def write_file(path: str, text: str) -> None:
    """Whoever reads the path sees the old file or the new one, never a part."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _paths(names: tuple[str, ...], options: argparse.Namespace, exists: Exists) -> dict[str, str]:
    given = {name: getattr(options, name) for name in names if getattr(options, name)}
    missing = tuple(name for name in names if name not in given)
    for path in given.values():
        if not exists(path):
            raise InputError(f"there is no {path}")
    if not missing:
        return given
    if not options.inputs:
        raise InputError(f"--inputs or --{missing[0]} must say where {VIEWS[missing[0]].file} is")
    return given | find(options.inputs, missing, exists)


def _parameters(job: Job, options: argparse.Namespace) -> dict[str, Any]:
    """The job's own arguments, which change the answer or the way to it."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--runners-up")
    job.add_arguments(own)
    return {action.dest: getattr(options, action.dest) for action in own._actions}


def _terminate(*_: object) -> NoReturn:
    # As an exception, so that scratch files are removed on the way out.
    sys.exit(128 + signal.SIGTERM)
