"""The loader's command line, for `python -m services.catalog.loader` and scripts/load.sh."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from services.catalog import datasets
from services.catalog.adapter import published_files
from services.catalog.loader.errors import InvalidInput, LoadError
from services.catalog.loader.job import LoadJob
from services.catalog.loader.report import Report
from services.catalog.settings import DATABASE
from services.catalog.store import mongo
from services.common.errors import SeenError

MAX_BATCH_SIZE = 100_000
INTERRUPTED = 130

_DESCRIPTION = """\
Imports a dataset's files as their source publishes them: plain, .gz or .zip. Items are identified by the source's own
ids, so importing a newer file updates them and keeps all marks."""
_EPILOG = """\
exit codes:
  0    all rows imported
  1    stopped by an error; run the same command again to continue
  2    wrong command, file or setting; nothing was written
  3    another load of this dataset is running
  130  interrupted; run the same command again to continue"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("dataset", choices=datasets.names())
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=_files_help())
    parser.add_argument("--include-adult", action="store_true", help="import adult titles too")
    parser.add_argument(
        "--batch-size",
        type=_batch_size,
        default=LoadJob.batch_size,
        metavar="N",
        help=f"rows per batch, at most {MAX_BATCH_SIZE:,} (default %(default)s)",
    )


def run(options: argparse.Namespace, mongo_uris: str) -> int:
    """Imports the files. `mongo_uris` has the form of SEEN_MONGO_URIS. Returns the exit code."""
    adapter = datasets.get_adapter(options.dataset)
    report = Report()
    try:
        job = LoadJob(
            adapter,
            options.files,
            _split_uris(mongo_uris),
            os.environ.get("SEEN_MONGO_DATABASE", DATABASE),
            options.include_adult,
            options.batch_size,
        )
        asyncio.run(_run_until_signal(job, report))
    except LoadError as error:
        return _stopped(adapter.name, report, str(error), error.exit_code)
    except SeenError as error:
        return _stopped(adapter.name, report, error.message, LoadError.exit_code)
    except asyncio.CancelledError:
        return _stopped(adapter.name, report, "interrupted", INTERRUPTED)
    print(report.text(adapter.name))
    return 0


def _split_uris(text: str) -> list[str]:
    if not text:
        raise InvalidInput("SEEN_MONGO_URIS is not set: set it to the mongodb:// URI of each shard, comma-separated")
    try:
        return mongo.split_uris(text)
    except ValueError as error:
        raise InvalidInput(f"SEEN_MONGO_URIS: {error}") from error


async def _run_until_signal(job: LoadJob, report: Report) -> None:
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await job.run(report)


def _stopped(dataset: str, report: Report, message: str, exit_code: int) -> int:
    if report.rows:
        print(report.text(dataset))
        message += "; run the same command again to continue"
    print(f"{dataset}: {message}", file=sys.stderr)
    return exit_code


def _files_help() -> str:
    return "; ".join(
        f"{adapter.name}: {' and '.join(file.name for file in published_files(adapter))}"
        for adapter in datasets.adapters()
    )


def _batch_size(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_BATCH_SIZE:
        raise argparse.ArgumentTypeError(f"must be between 1 and {MAX_BATCH_SIZE}")
    return int(text)
