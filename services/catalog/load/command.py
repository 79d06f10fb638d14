"""The loader's command line."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from services.catalog import adapters, connection
from services.catalog.load import loading
from services.catalog.load.faults import LoadFault, WrongInput
from services.catalog.load.loading import Load
from services.catalog.load.report import Report
from services.common.errors import SeenError

LARGEST_BATCH = 100_000
INTERRUPTED = 130

_EPILOG = """\
exit codes: 0 loaded · 1 stopped half-way, the same command goes on from there · 2 wrong command, file or setting,
nothing was written · 3 another load of the dataset is under way · 130 interrupted, as 1"""


def main(
    arguments: Sequence[str], uris_of: Callable[[str], str], others: Sequence[argparse.ArgumentParser] = ()
) -> int:
    """`uris_of` knows a dataset's MongoDB URIs where SEEN_MONGO_URIS does not name them. Returns the exit code.

    `others` have options that are the caller's concern, and are only told of here.
    """
    options = _parser(others).parse_args(arguments)
    adapter = adapters.named(options.dataset)
    report = Report()
    try:
        load = Load(
            adapter,
            options.files,
            _uris(os.environ.get("SEEN_MONGO_URIS") or uris_of(adapter.name)),
            os.environ.get("SEEN_MONGO_DATABASE", "seen"),
            options.include_adult,
            options.batch_size,
        )
        asyncio.run(_until_stopped(load, report))
    except LoadFault as fault:
        return _stopped(adapter.name, report, str(fault), fault.exit_code)
    except SeenError as error:
        return _stopped(adapter.name, report, error.message, LoadFault.exit_code)
    except asyncio.CancelledError:
        return _stopped(adapter.name, report, "interrupted", INTERRUPTED)
    print(report.text(adapter.name))
    return 0


async def _until_stopped(load: Load, report: Report) -> None:
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await loading.run(load, report)


def _stopped(name: str, report: Report, message: str, exit_code: int) -> int:
    if report.rows:
        print(report.text(name))
        message += "; the same command goes on from here"
    print(f"{name}: {message}", file=sys.stderr)
    return exit_code


def _uris(text: str) -> list[str]:
    try:
        return connection.split_uris(text)
    except ValueError as error:
        raise WrongInput(f"SEEN_MONGO_URIS: {error}") from error


def _parser(others: Sequence[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="load.sh",
        description="Loads a dataset's files as their source publishes them: plain, .gz or .zip. "
        "Items are known by the source's own ids, so loading again changes nothing and loses no marks.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=others,
    )
    parser.add_argument("dataset", choices=adapters.names())
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=_files_help())
    parser.add_argument("--include-adult", action="store_true", help="load adult titles too")
    parser.add_argument(
        "--batch-size",
        type=_batch_size,
        default=Load.batch_size,
        metavar="N",
        help=f"rows written at once, at most {LARGEST_BATCH:,} (default %(default)s)",
    )
    return parser


def _files_help() -> str:
    wanted = []
    for adapter in adapters.every():
        names = [adapter.source.name, *(joined.file.name for joined in adapter.joined)]
        wanted.append(f"{adapter.name}: {' and '.join(names)}")
    return "; ".join(wanted)


def _batch_size(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_BATCH:
        raise argparse.ArgumentTypeError(f"must be 1 to {LARGEST_BATCH}")
    return int(text)
