"""Runs the service of the anime dataset: python -m services.anime."""

from services.anime.adapter import ADAPTER
from services.catalog.service import run

if __name__ == "__main__":
    run(ADAPTER)
