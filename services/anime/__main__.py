"""Runs the anime dataset: python -m services.anime."""

from services.anime.adapter import ADAPTER
from services.catalog.main import run

run(ADAPTER)
