"""python -m services.catalog.load DATASET FILE…; scripts/load.sh knows this machine's servers besides."""

import sys

from services.catalog.load import command
from services.catalog.load.faults import WrongInput


def _not_set(dataset: str) -> str:
    raise WrongInput("SEEN_MONGO_URIS is not set: the mongodb:// URIs of the dataset's shards, separated by commas")


sys.exit(command.main(sys.argv[1:], _not_set))
