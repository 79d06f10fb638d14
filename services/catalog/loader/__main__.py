"""python -m services.catalog.loader DATASET FILE… The environment names the MongoDB servers."""

import argparse
import os
import sys

from services.catalog.loader import command

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m services.catalog.loader")
    command.add_arguments(parser)
    sys.exit(command.run(parser.parse_args(), os.environ.get("SEEN_MONGO_URIS", "")))
