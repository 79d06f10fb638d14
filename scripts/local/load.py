"""What scripts/load.sh runs: the loader, into the local suite's servers where SEEN_MONGO_URIS names no others.

What only the Spark jobs read is put where the local suite's connector looks, or into SEEN_IMDB_FILES.
"""

import os
import sys
from pathlib import Path

from scripts.local import suite
from services.catalog.load import command
from services.spark_connector import place

WRONG_INPUT = 2


def main(arguments: list[str]) -> int:
    try:
        files = place.of_a_load(arguments)
    except place.NotThatFile as error:
        print(error, file=sys.stderr)
        return WRONG_INPUT
    exit_code = command.main(arguments, _local_uris, [place.options(beside_a_load=True)])
    if exit_code == 0 and files:
        for path in place.place(Path(os.environ.get("SEEN_IMDB_FILES") or suite.DEFAULT_FOLDER / "imdb"), files):
            print(f"placed {path}")
    return exit_code


def _local_uris(name: str) -> str:
    (dataset,) = (dataset for dataset in suite.DATASETS if dataset.name == name)
    offset = int(os.environ.get("SEEN_PORT_OFFSET", "0"))  # as it was when the suite was started
    return suite.Suite(suite.DEFAULT_FOLDER, offset).mongo_uris(dataset)


sys.exit(main(sys.argv[1:]))
