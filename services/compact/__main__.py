"""Runs all services in one process: python -m services.compact."""

from services.common import process
from services.compact.service import build
from services.compact.settings import CompactSettings

if __name__ == "__main__":
    process.run("compact", CompactSettings.from_env(), build)
