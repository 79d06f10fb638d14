"""Types of arrays, and lists of different lengths in one array."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Doubles = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Rows:
    """Lists of different lengths ("compressed sparse rows"): row i is `values[starts[i]:starts[i + 1]]`."""

    starts: Ints
    values: Ints

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Self:
        starts = np.zeros(len(rows) + 1, np.int32)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        return cls(starts, np.fromiter((value for row in rows for value in row), np.int32, int(starts[-1])))

    def __getitem__(self, row: int) -> Ints:
        return self.values[self.starts[row] : self.starts[row + 1]]

    def entries(self, rows: Indices) -> tuple[Indices, Indices]:
        """The indices into `values` of these rows, one row after the other, and the length of each row."""
        starts = self.starts[rows].astype(np.intp)
        lengths = self.starts[rows + 1] - starts
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        return np.arange(total) + np.repeat(starts - (ends - lengths), lengths), lengths

    def select(self, rows: Indices, renumbered: Indices | None = None) -> tuple["Rows", Indices]:
        """These rows alone, and which entries of `values` they have kept.

        `renumbered`: the new value for each old one; entries for which it is -1 are dropped.
        """
        entries, lengths = self.entries(rows)
        values = self.values[entries] if renumbered is None else renumbered[self.values[entries]]
        kept = values >= 0
        row_of_entry = np.repeat(np.arange(len(rows)), lengths)[kept]
        starts = np.concatenate(([0], np.cumsum(np.bincount(row_of_entry, minlength=len(rows))))).astype(np.int32)
        return Rows(starts, values[kept].astype(np.int32)), entries[kept]

    def sums(self, values: Doubles) -> Doubles:
        """For each row, the sum of `values`, which has one entry for each entry of `self.values`."""
        totals = np.concatenate(([0.0], np.cumsum(values)))
        return totals[self.starts[1:]] - totals[self.starts[:-1]]

    def check(self, rows: int, limit: int, name: str) -> None:
        """Raises ValueError unless there are this many rows with values from 0 to below `limit`."""
        starts, values = self.starts, self.values
        if starts.shape != (rows + 1,) or starts[0] != 0 or starts[-1] != len(values) or np.any(np.diff(starts) < 0):
            raise ValueError(f"{name}: the starts of the rows do not fit")
        if len(values) and (values.min() < 0 or values.max() >= limit):
            raise ValueError(f"{name}: a value is out of range")
