"""Runs the library service: python -m services.library."""

from services.common import process
from services.library.service import build
from services.library.settings import LibrarySettings

if __name__ == "__main__":
    process.run("library", LibrarySettings.from_env(), build)
