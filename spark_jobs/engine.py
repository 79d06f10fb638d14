"""The interface between jobs and engines. duckdb_engine.py and spark_engine.py implement it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class LineCounts:
    """Lines of one input file, without the header."""

    path: str
    lines: int
    unreadable: int


class Engine(Protocol):
    """Runs SQL over files. A path may be a URI if the engine can read it."""

    @property
    def version(self) -> str:
        """Name and version."""
        ...

    @property
    def progress(self) -> float:
        """The completed share of the running statement, 0 to 1. Read from another thread."""
        ...

    def exists(self, path: str) -> bool: ...

    def create_views(self, paths: Mapping[str, str]) -> None:
        """Creates views of views.py over these files. Called once, before any statement."""
        ...

    def create_table(self, name: str, sql: str) -> int:
        """Computes a table for later statements and returns its number of rows. It may replace a view of that name."""
        ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]: ...

    def write_parquet(self, uri: str, sql: str) -> None:
        """Replaces the folder's content with Parquet files of the rows."""
        ...

    def line_counts(self) -> Mapping[str, LineCounts]:
        """The counts for each view that was read. Called after the last statement."""
        ...

    def write(self, path: str, text: str) -> None:
        """Replaces the file."""
        ...


@runtime_checkable
class GraphEngine(Engine, Protocol):
    """An engine with GraphX, which is part of Spark."""

    def write_csv(self, uri: str, sql: str, separator: str) -> None:
        """Replaces the folder's content with text files of the rows, without headers."""
        ...

    def highest_degrees(self, edges: str, limit: int) -> list[tuple[int, int]]:
        """Vertices and their degrees, highest first, then lower id. `edges`: a folder that `write_csv` wrote."""
        ...


def write_file(path: str, text: str) -> None:
    """Replaces a local file atomically."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
