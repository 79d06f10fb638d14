"""The command line of scripts/load.sh."""

import argparse
import sys

from scripts.loader import destination, ratings
from services.catalog.loader import command
from services.catalog.loader.errors import InvalidInput
from services.spark_connector import copy_inputs


def main() -> int:
    if sys.argv[1:2] == ["ratings"]:
        return ratings.main(sys.argv[2:])
    return _load_dataset()


def _load_dataset() -> int:
    """Also copies the files that only the Spark jobs read."""
    parser = argparse.ArgumentParser(prog="scripts/load.sh")
    command.add_arguments(parser)
    parser.epilog = f"To load people's ratings, for suggestions: load.sh ratings --help\n\n{parser.epilog}"
    destination.add_data_option(parser)
    copy_inputs.add_arguments(parser, beside_loader=True)
    options = parser.parse_args()
    try:
        files = copy_inputs.files_of_load(options)
    except copy_inputs.WrongFile as error:
        print(error, file=sys.stderr)
        return InvalidInput.exit_code
    exit_code = command.run(options, destination.mongo_uris(options.data, options.dataset))
    if exit_code == 0 and files:
        for path in copy_inputs.copy_files(destination.imdb_files(options.data), files):
            print(f"copied {path}")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
