"""The common parts of all jobs: the command line, the result, and the report of a failure."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from spark_jobs.engine import Engine
from spark_jobs.steps import Progress
from spark_jobs.views import ALL_VIEWS, IMDB_VIEWS, InputError, check_readable, find_files

Json = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """`views` returns the names of the views that the job reads. `solve` computes the answer."""

    name: str
    description: str
    add_own_arguments: Callable[[argparse.ArgumentParser], None]
    views: Callable[[argparse.Namespace], tuple[str, ...]]
    solve: Callable[[Engine, Progress, argparse.Namespace], Json]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--inputs", metavar="URI", help="folder of IMDb's files: .tsv, .tsv.gz or .parquet")
        for name, view in IMDB_VIEWS.items():
            parser.add_argument(f"--{name}", metavar="URI", help=f"path of {view.file}, if it is not in --inputs")
        parser.add_argument("--output", metavar="URI", required=True, help="file to write the result to, as JSON")
        parser.add_argument("--runners-up", type=int, default=9, help="number of runners-up; default 9")
        self.add_own_arguments(parser)


def main(job: Job, engine: AbstractContextManager[Engine], arguments: Sequence[str] | None = None) -> None:
    """Parses a job's command line and runs it."""
    parser = argparse.ArgumentParser(
        prog=f"{job.name}.py", description=job.description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    job.add_arguments(parser)
    run(job, parser.parse_args(arguments), engine)


def run(job: Job, options: argparse.Namespace, engine: AbstractContextManager[Engine]) -> None:
    """Solves and writes the result."""
    with reported_progress() as progress, engine as opened:
        result = _result(job, options, opened, progress)
        opened.write(options.output, json.dumps(result, ensure_ascii=False, indent=1) + "\n")


@contextmanager
def reported_progress() -> Iterator[Progress]:
    """Reports the end of the program. A failure is reported too, and ends the program with exit code 1.

    SIGTERM raises SystemExit, so that context managers remove scratch files.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    progress = Progress()
    try:
        yield progress
    except InputError as error:
        progress.failed(str(error))
        sys.exit(1)
    except Exception as error:
        # The first line of an error in the JVM only names the call that failed.
        progress.failed(f"{type(error).__name__}: {' '.join(str(error).split(chr(10))[:2]).strip()[:500]}")
        raise
    progress.report("done", 1.0)


def _result(job: Job, options: argparse.Namespace, engine: Engine, progress: Progress) -> Json:
    started = time.monotonic()
    engine.create_views(_paths(job.views(options), options, engine))
    answer = job.solve(engine, progress, options)
    counts = engine.line_counts()
    for name, count in counts.items():
        check_readable(name, count.path, count.lines, count.unreadable)
    return {
        "question": job.name,
        "parameters": _parameters(job, options),
        "computedAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started, 1),
        "engine": engine.version,
        "inputs": {name: asdict(count) for name, count in counts.items()},
        "answer": answer,
    }


def _paths(names: tuple[str, ...], options: argparse.Namespace, engine: Engine) -> dict[str, str]:
    explicit = {name: path for name in names if (path := getattr(options, name))}
    for path in explicit.values():
        if not engine.exists(path):
            raise InputError(f"there is no {path}")
    others = [name for name in names if name not in explicit]
    if others and not options.inputs:
        raise InputError(f"--inputs or --{others[0]} is required, to locate {ALL_VIEWS[others[0]].file}")
    return explicit | find_files(options.inputs or "", others, engine.exists)


def _parameters(job: Job, options: argparse.Namespace) -> Json:
    """The arguments that only this job has, and the number of runners-up."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--runners-up")
    job.add_own_arguments(own)
    return {action.dest: getattr(options, action.dest) for action in own._actions}


# An answer is the JSON form of BestDirector or MostConnected in protos/seen/v1/spark.proto.


def person(number: int, names: Mapping[int, str]) -> Json:
    """Without `name` if IMDb's list of names lacks the person."""
    identifier = f"nm{number:07d}"
    result = {"id": identifier, "link": f"https://www.imdb.com/name/{identifier}/"}
    return result | {"name": names[number]} if names.get(number) is not None else result


def film(number: int, name: str | None, year: int | None, tenths: int, votes: int) -> Json:
    identifier = f"tt{number:07d}"
    result = {"id": identifier, "name": name or identifier, "rating": tenths / 10, "votes": votes}
    return result if year is None else result | {"year": year}


def left_out(engine: Engine, people: Iterable[int], names: Mapping[int, str]) -> Json:
    """How much of the input could not be used for the answer."""
    return {
        "unreadableLines": sum(count.unreadable for count in engine.line_counts().values()),
        "peopleWithoutName": sum(names.get(number) is None for number in people),
    }
