"""The command line of the suite: python -m scripts.local; scripts/local.sh installs and calls it."""

import argparse
import os
import sys
from pathlib import Path

from scripts.local import commands
from scripts.local.suite import DEFAULT_FOLDER

HIGHEST_OFFSET = 65535 - 50056


def main() -> int:
    arguments = _parser().parse_args()
    folder = _folder(arguments.data)
    if arguments.status:
        return commands.status(folder)
    if arguments.stop:
        return commands.stop(folder)
    if arguments.reset:
        return commands.reset(folder, sure=arguments.yes)
    if arguments.detach:
        return commands.detach(folder, arguments.port_offset, arguments.spark)
    return commands.start(folder, arguments.port_offset, arguments.spark, detached=arguments.detached)


def _folder(given: str | None) -> Path:
    if given is None:
        return DEFAULT_FOLDER
    # The shell script has changed the folder; what the caller typed is meant from where they stand.
    return Path(os.environ.get("SEEN_CALLED_FROM", "."), given).resolve()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/local.sh",
        description="Runs the whole suite on this machine: four MongoDB servers, SQLite, a stand-in for Auth0, and all "
        "services, on loopback. Loads a small sample library where there is nothing yet. Ctrl-C stops all of it; the "
        "data stays.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--detach", action="store_true", help="start in the background, and return when all is healthy")
    what.add_argument("--stop", action="store_true", help="stop what --detach, or another terminal, has started")
    what.add_argument("--status", action="store_true", help="show every process; fails unless all are healthy")
    what.add_argument("--reset", action="store_true", help="stop, and remove all data and logs; asks first")
    what.add_argument("--detached", action="store_true", help=argparse.SUPPRESS)  # the background half of --detach
    parser.add_argument("--yes", action="store_true", help="with --reset: do not ask")
    parser.add_argument("--data", metavar="DIR", help="where data and logs are kept (.local in the repository)")
    parser.add_argument(
        "--spark",
        choices=("embedded", "local"),
        default="embedded",
        help="what answers the questions over all of IMDb: DuckDB (embedded), or Spark here, which needs Java",
    )
    parser.add_argument(
        "--port-offset",
        type=_offset,
        default=os.environ.get("SEEN_PORT_OFFSET", "0"),
        metavar="N",
        help="add N to every port, so that a second suite can run beside the first (SEEN_PORT_OFFSET, else 0)",
    )
    return parser


def _offset(text: str) -> int:
    if not text.isdecimal() or int(text) > HIGHEST_OFFSET:
        raise argparse.ArgumentTypeError(f"must be 0 to {HIGHEST_OFFSET}, not {text!r}")
    return int(text)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before anything was started
        sys.exit(130)
