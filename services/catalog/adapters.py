"""All adapters there are: one in each services/NAME/adapter.py, under the name ADAPTER."""

import importlib
from pathlib import Path

from services.catalog.adapter import Adapter

_SERVICES = Path(__file__).resolve().parents[1]


def names() -> list[str]:
    own = Path(__file__).resolve().parent.name
    return sorted(path.parent.name for path in _SERVICES.glob("*/adapter.py") if path.parent.name != own)


def named(name: str) -> Adapter:
    adapter: Adapter = importlib.import_module(f"services.{name}.adapter").ADAPTER
    return adapter


def every() -> list[Adapter]:
    return [named(name) for name in names()]


def sample_folder(adapter: Adapter) -> Path:
    """Where the small library is that comes with the program, in the source's own files."""
    return _SERVICES / adapter.name / "sample"
