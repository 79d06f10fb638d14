"""Runs the service of the book dataset: python -m services.book."""

from services.book.adapter import ADAPTER
from services.catalog.service import run

if __name__ == "__main__":
    run(ADAPTER)
