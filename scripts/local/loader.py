"""The command line of scripts/load.sh: loads a dataset into the local suite, or into the servers of SEEN_MONGO_URIS.

Files that only the Spark jobs read are copied to SEEN_IMDB_FILES, by default to where the local suite reads them.
"""

import argparse
import os
import sys
from pathlib import Path

from scripts.local import ratings, state, suite
from services.catalog.loader import command
from services.spark_connector import copy_inputs

WRONG_INPUT = 2
RATINGS = "To load people's ratings, for suggestions: load.sh ratings --help"


def main() -> int:
    if sys.argv[1:2] == ["ratings"]:
        return ratings.main(sys.argv[2:], suite.DEFAULT_FOLDER, _local_uris)
    parser = argparse.ArgumentParser(prog="scripts/load.sh")
    command.add_arguments(parser)
    parser.epilog = f"{RATINGS}\n\n{parser.epilog}"
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=lambda folder: Path(folder).absolute(),
        default=suite.DEFAULT_FOLDER,
        help="folder of the suite to load into, as in local.sh --data (default: .local in the repository)",
    )
    copy_inputs.add_arguments(parser, beside_loader=True)
    options = parser.parse_args()
    try:
        files = copy_inputs.files_of_load(options)
    except copy_inputs.WrongFile as error:
        print(error, file=sys.stderr)
        return WRONG_INPUT
    exit_code = command.run(options, os.environ.get("SEEN_MONGO_URIS") or _local_uris(options.data, options.dataset))
    if exit_code == 0 and files:
        for path in copy_inputs.copy_files(Path(os.environ.get("SEEN_IMDB_FILES") or options.data / "imdb"), files):
            print(f"copied {path}")
    return exit_code


def _local_uris(folder: Path, name: str) -> str:
    (dataset,) = (dataset for dataset in suite.DATASETS if dataset.name == name)
    last = state.read(folder)
    offset = last.offset if last else int(os.environ.get("SEEN_PORT_OFFSET", "0"))
    return suite.Suite(folder, offset).mongo_uris(dataset)


sys.exit(main())
