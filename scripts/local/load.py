"""What scripts/load.sh runs: the loader, into the local suite's servers where SEEN_MONGO_URIS names no others.

What only the Spark jobs read is put where the local suite's connector looks, or into SEEN_IMDB_FILES.
"""

import argparse
import os
import sys
from pathlib import Path

from scripts.local import state, suite
from services.catalog.load import command
from services.spark_connector import place

WRONG_INPUT = 2


def main(arguments: list[str]) -> int:
    try:
        files = place.of_a_load(arguments)
    except place.NotThatFile as error:
        print(error, file=sys.stderr)
        return WRONG_INPUT
    folder = _options().parse_known_args(arguments)[0].data
    extra = [_options(), place.options(beside_a_load=True)]
    exit_code = command.main(arguments, lambda name: _local_uris(folder, name), extra)
    if exit_code == 0 and files:
        for path in place.place(Path(os.environ.get("SEEN_IMDB_FILES") or folder / "imdb"), files):
            print(f"placed {path}")
    return exit_code


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=lambda folder: Path(folder).absolute(),
        default=suite.DEFAULT_FOLDER,
        help="of the suite to load into, as local.sh --data has it (.local in the repository)",
    )
    return parser


def _local_uris(folder: Path, name: str) -> str:
    (dataset,) = (dataset for dataset in suite.DATASETS if dataset.name == name)
    started = state.read(folder)
    offset = started.offset if started else int(os.environ.get("SEEN_PORT_OFFSET", "0"))
    return suite.Suite(folder, offset).mongo_uris(dataset)


sys.exit(main(sys.argv[1:]))
