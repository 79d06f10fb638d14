"""Where files are loaded to: what a SEEN_ variable names, otherwise the local suite of --data."""

import argparse
import os
from pathlib import Path

from scripts.local import state
from scripts.local.suite import DATASETS, DEFAULT_FOLDER, Suite


def add_data_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=lambda folder: Path(folder).absolute(),
        default=DEFAULT_FOLDER,
        help="folder of the suite to load into, as in local.sh --data (default: .local in the repository)",
    )


def mongo_uris(folder: Path, dataset_name: str) -> str:
    """SEEN_MONGO_URIS, otherwise the URIs of the dataset in the suite of this folder."""
    if uris := os.environ.get("SEEN_MONGO_URIS"):
        return uris
    (dataset,) = (dataset for dataset in DATASETS if dataset.name == dataset_name)
    last = state.read(folder)
    offset = last.offset if last else int(os.environ.get("SEEN_PORT_OFFSET", "0"))
    return Suite(folder, offset).mongo_uris(dataset)


def imdb_files(folder: Path) -> Path:
    return Path(os.environ.get("SEEN_IMDB_FILES") or Suite(folder, 0).imdb_files)


def ratings(folder: Path) -> str:
    """A folder, or a gs:// prefix."""
    return os.environ.get("SEEN_RATINGS") or str(Suite(folder, 0).ratings)
