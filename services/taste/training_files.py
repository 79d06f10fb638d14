"""Reads the items and their counts that a model is trained from. README.md describes the files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from services.taste.domain import LabelCounts
from spark_jobs.views import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class TrainingItem:
    type: int
    id: str
    category: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    rating: float | None = None
    votes: int | None = None


@dataclass(frozen=True)
class TypeCounts(LabelCounts):
    type: int


def read_items(path: Path) -> list[TrainingItem]:
    """Raises InputError for a line that is not an item."""
    items = {(item.type, item.id): item for item in _read(path, TypeAdapter(TrainingItem), "an item")}
    return list(items.values())


def read_counts(path: Path) -> dict[int, LabelCounts]:
    """By type; empty if there is no such file. Raises InputError for a line that is not the counts of a type."""
    if not path.exists():
        return {}
    return {counts.type: counts for counts in _read(path, TypeAdapter(TypeCounts), "the counts of a type")}


def _read(path: Path, line_type: TypeAdapter[T], name: str) -> Iterator[T]:
    if not path.exists():
        raise InputError(f"there is no {path}")
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield line_type.validate_json(line)
            except ValidationError as error:
                first = error.errors()[0]
                field = "".join(f"{part}: " for part in first["loc"])
                raise InputError(f"{path}, line {number}: not {name}: {field}{first['msg']}") from error
