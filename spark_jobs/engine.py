"""What a question needs of the engine that answers it. There are two: spark_reader.py and duckdb_reader.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Lines:
    """How much of an input was read."""

    path: str
    lines: int
    unreadable: int


class Engine(Protocol):
    @property
    def version(self) -> str:
        """Its name and version, for the result."""
        ...

    @property
    def share(self) -> float:
        """The part done of the statement that runs now, 0 to 1; asked from another thread."""
        ...

    def keep(self, table: str, sql: str) -> int:
        """Computes a table once, for the statements that follow; returns how many rows it has.

        A table may take the name of a view that it keeps whole.
        """
        ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]: ...

    def lines(self) -> Mapping[str, Lines]:
        """For each input that was read, by view. To be asked when the statements are done."""
        ...
