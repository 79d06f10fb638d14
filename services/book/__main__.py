"""Runs the book dataset: python -m services.book."""

from services.book.adapter import ADAPTER
from services.catalog.main import run

run(ADAPTER)
