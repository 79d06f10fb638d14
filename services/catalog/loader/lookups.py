"""Compact look-ups by a source's ids, which are numbers, mostly after the same letters: "tt0000012"."""

import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from math import isnan, nan

from services.catalog.adapter import JoinedColumn, JoinedFile, Row, number
from services.catalog.item import Skipped

NO_KEY = "no key"
NO_NUMBER = "no number, or out of range"

_KEY = re.compile(r"\D*(\d{1,15})", re.ASCII)
_PAGE_BITS = 1 << 16


class JoinedNumbers:
    """The columns of a joined file, by key: eight bytes per row and column.

    If several rows have the same key, the first is used.

    The 1.6 million rows of IMDb's title.ratings.tsv take 40 MB, and 120 MB more while they are sorted.
    """

    def __init__(self, joined: JoinedFile) -> None:
        self._joined = joined
        self._keys = array("Q")
        self._columns = [array("d") for _ in joined.columns]
        self._used = bytearray()
        self.rows = 0
        self.skipped: Counter[str] = Counter()

    def fill(self, rows: Iterable[Row | Skipped]) -> None:
        for row in rows:
            self.rows += 1
            reason = row.reason if isinstance(row, Skipped) else self._add(row)
            if reason:
                self.skipped[reason] += 1
        # IMDb sorts ids as text: tt10000000 comes before tt1000001.
        order = array("Q", sorted(range(len(self._keys)), key=self._keys.__getitem__))
        self._keys = array("Q", map(self._keys.__getitem__, order))
        self._columns = [array("d", map(column.__getitem__, order)) for column in self._columns]
        self._used = bytearray(len(self._keys))

    def get(self, key: str) -> list[str]:
        """The numbers for a key, as the texts of cells; empty where the file has none."""
        match = _KEY.fullmatch(key)
        index = bisect_left(self._keys, int(match[1])) if match else len(self._keys)
        if match is None or index == len(self._keys) or self._keys[index] != int(match[1]):
            return [""] * len(self._columns)
        self._used[index] = 1
        return ["" if isnan(column[index]) else f"{column[index]:.15g}" for column in self._columns]

    @property
    def used(self) -> int:
        """The number of rows that `get` has returned."""
        return sum(self._used)

    def _add(self, row: Row) -> str:
        """Why the row is skipped; empty if it is added."""
        key = _KEY.fullmatch(row[self._joined.key])
        if key is None:
            return NO_KEY
        numbers = [_in_range(row[column.name], column) for column in self._joined.columns]
        if all(map(isnan, numbers)):
            return NO_NUMBER
        self._keys.append(int(key[1]))
        for column, value in zip(self._columns, numbers, strict=True):
            column.append(value)
        return ""


def _in_range(cell: str, column: JoinedColumn) -> float:
    value = number(cell)
    return value if value is not None and column.low <= value <= column.high else nan


class IdSet:
    """A set of ids: one bit for each that ends in a number. 40 million IMDb titles take 5 MB."""

    def __init__(self) -> None:
        self._pages: dict[tuple[str, int], bytearray] = {}
        self._others: set[str] = set()

    def add(self, source_id: str) -> bool:
        """False if the set contains the id already."""
        match = _KEY.fullmatch(source_id)
        if match is None:
            is_new = source_id not in self._others
            self._others.add(source_id)
            return is_new
        digits = match[1]
        page, bit = divmod(int(digits), _PAGE_BITS)
        # "tt0000012" and "12" are different ids, and so are "012" and "12".
        form = f"{source_id[: -len(digits)]}{len(digits)}"
        bits = self._pages.setdefault((form, page), bytearray(_PAGE_BITS // 8))
        is_new = not bits[bit >> 3] >> (bit & 7) & 1
        bits[bit >> 3] |= 1 << (bit & 7)
        return is_new
