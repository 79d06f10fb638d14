"""Reads the items and their counts that a model is trained from. README.md describes the files."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.taste.domain import LabelCounts
from spark_jobs.views import InputError


@dataclass(frozen=True)
class TrainingItem:
    type: int
    id: str
    category: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    rating: float | None = None
    votes: int | None = None


def read_items(path: Path) -> list[TrainingItem]:
    """Raises InputError for a line that is not an item."""
    items: dict[tuple[int, str], TrainingItem] = {}
    for number, line in enumerate(_lines(path), 1):
        try:
            value = json.loads(line)
            item = TrainingItem(
                int(value["type"]),
                str(value["id"]),
                tuple(map(str, value.get("category") or ())),
                tuple(map(str, value.get("themes") or ())),
                None if value.get("rating") is None else float(value["rating"]),
                None if value.get("votes") is None else int(value["votes"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path}, line {number}: not an item: {error!r}") from error
        items[item.type, item.id] = item
    return list(items.values())


def read_counts(path: Path) -> dict[int, LabelCounts]:
    """By type; empty if there is no such file. Raises InputError for a line that does not have the counts of a type."""
    counts = {}
    for number, line in enumerate(_lines(path) if path.exists() else (), 1):
        try:
            value = json.loads(line)
            counts[int(value["type"])] = LabelCounts(
                int(value["items"]), _int_values(value["categories"]), _int_values(value["themes"])
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path}, line {number}: not the counts of a type: {error!r}") from error
    return counts


def _int_values(values: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(count) for name, count in values.items()}


def _lines(path: Path) -> Iterable[str]:
    if not path.exists():
        raise InputError(f"there is no {path}")
    with path.open(encoding="utf-8") as file:
        yield from (line for line in file if line.strip())
