"""Runs the service of the imdb dataset: python -m services.imdb."""

from services.catalog.service import run
from services.imdb.adapter import ADAPTER

if __name__ == "__main__":
    run(ADAPTER)
