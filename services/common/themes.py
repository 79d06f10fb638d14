"""Maps the labels of an item's source to themes: words that all datasets share. The mapping is in themes.toml."""

import functools
import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seen.v1.types_pb2 import ItemType

_FILE = Path(__file__).with_suffix(".toml")


def themes(item_type: ItemType | str, categories: Iterable[str]) -> tuple[str, ...]:
    """The themes of an item with these labels: distinct, in the order of the labels.

    A label that is not in themes.toml is its own theme. `item_type` may be the type's name, such as "BOOK".
    """
    return _themes(item_type, tuple(categories))


@functools.lru_cache(maxsize=8192)  # IMDb's millions of titles have two thousand distinct lists of labels
def _themes(item_type: ItemType | str, categories: tuple[str, ...]) -> tuple[str, ...]:
    type_name = item_type if isinstance(item_type, str) else ItemType.Name(item_type)
    words: Mapping[str, list[str]] = _file().get(type_name, {})
    return tuple(dict.fromkeys(theme for label in categories for theme in words.get(label, [label])))


@functools.cache
def version() -> str:
    """Changes with the file."""
    return hashlib.sha256(_FILE.read_bytes()).hexdigest()


@functools.cache
def _file() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
