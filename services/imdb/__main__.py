"""Runs the imdb dataset: python -m services.imdb."""

from services.catalog.main import run
from services.imdb.adapter import ADAPTER

run(ADAPTER)
