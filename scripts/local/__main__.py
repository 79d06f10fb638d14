"""The command line of scripts/local.sh."""

import argparse
import os
import sys
from pathlib import Path

from scripts.local import commands
from scripts.local.state import SuiteError
from scripts.local.suite import DEFAULT_FOLDER, SPARK_CONNECTOR, SPARK_RUNNERS, Suite

HIGHEST_OFFSET = 65535 - SPARK_CONNECTOR  # SPARK_CONNECTOR is the highest of the standard ports
# Internal option of the process that --detach starts.
IN_BACKGROUND = "--in-background"


def main() -> int:
    options = _parser().parse_args()
    folder = options.data.resolve()
    try:
        return _run(options, folder)
    except SuiteError as error:
        message = str(error)
    except OSError as error:
        message = f"cannot keep data in {folder}: {error}"
    print(message, file=sys.stderr)
    return 1


def _run(options: argparse.Namespace, folder: Path) -> int:
    if options.status:
        return commands.show_status(folder)
    if options.restart:
        return commands.restart(folder, options.restart)
    if options.stop:
        return commands.stop(folder)
    if options.reset:
        return commands.reset(folder, confirmed=options.yes)
    if options.detach and not options.in_background:
        return commands.start_in_background(folder, [*sys.argv[1:], "--data", str(folder), IN_BACKGROUND])
    suite = Suite(folder, options.port_offset, options.spark, compact=options.compact, variables=dict(options.set))
    return commands.start(suite, in_background=options.in_background)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/local.sh",
        description="Runs the whole suite on this machine: four MongoDB servers, SQLite, a stand-in for Auth0, and all "
        "services, on loopback. Loads a small sample library into empty datasets. Ctrl-C stops everything; the data "
        "stays.",
    )
    command = parser.add_mutually_exclusive_group()
    command.add_argument("--detach", action="store_true", help="start in the background; return when all is healthy")
    command.add_argument("--status", action="store_true", help="show every process; fail unless all are healthy")
    command.add_argument(
        "--restart",
        nargs="+",
        metavar="NAME",
        help="restart processes of the running suite, after a code change or when they died; wait until healthy",
    )
    command.add_argument("--stop", action="store_true", help="stop a suite that runs in the background or elsewhere")
    command.add_argument("--reset", action="store_true", help="stop, and remove all data and logs; asks first")
    parser.add_argument(
        "--compact", action="store_true", help="run all services but the stand-in for Auth0 in one process"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="SEEN_NAME=VALUE",
        help="a setting of the services, see their READMEs; can be repeated",
    )
    parser.add_argument(IN_BACKGROUND, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--yes", action="store_true", help="with --reset: do not ask")
    parser.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_FOLDER,
        metavar="DIR",
        help="folder of data and logs (default: .local in the repository)",
    )
    parser.add_argument(
        "--spark",
        choices=SPARK_RUNNERS,
        default=SPARK_RUNNERS[0],
        help="what answers the two questions over IMDb: DuckDB (default), or Spark on this machine, which needs Java",
    )
    parser.add_argument(
        "--port-offset",
        type=_offset,
        default=os.environ.get("SEEN_PORT_OFFSET", "0"),
        metavar="N",
        help="add N to every port, to run a second suite beside the first (default: SEEN_PORT_OFFSET, else 0)",
    )
    return parser


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name.startswith("SEEN_") or not equals:
        raise argparse.ArgumentTypeError(f"must have the form SEEN_NAME=VALUE, not {text!r}")
    return name, value


def _offset(text: str) -> int:
    if not text.isdecimal() or int(text) > HIGHEST_OFFSET:
        raise argparse.ArgumentTypeError(f"must be 0 to {HIGHEST_OFFSET}, not {text!r}")
    return int(text)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # nothing was started yet
        sys.exit(130)
