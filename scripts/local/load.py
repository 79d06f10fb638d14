"""What scripts/load.sh runs: the loader, into the local suite's servers where SEEN_MONGO_URIS names no others."""

import os
import sys

from scripts.local import suite
from services.catalog.load import command


def _local_uris(name: str) -> str:
    (dataset,) = (dataset for dataset in suite.DATASETS if dataset.name == name)
    offset = int(os.environ.get("SEEN_PORT_OFFSET", "0"))  # as it was when the suite was started
    return suite.Suite(suite.DEFAULT_FOLDER, offset).mongo_uris(dataset)


sys.exit(command.main(sys.argv[1:], _local_uris))
