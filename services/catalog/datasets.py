"""Finds the datasets: each folder services/NAME with an adapter.py that defines ADAPTER."""

import importlib
from pathlib import Path

from services.catalog.adapter import Adapter

_CATALOG = Path(__file__).resolve().parent


def names() -> list[str]:
    folders = {path.parent for path in _CATALOG.parent.glob("*/adapter.py")}
    return sorted(folder.name for folder in folders - {_CATALOG})


def get_adapter(name: str) -> Adapter:
    adapter: Adapter = importlib.import_module(f"services.{name}.adapter").ADAPTER
    return adapter


def adapters() -> list[Adapter]:
    return [get_adapter(name) for name in names()]
