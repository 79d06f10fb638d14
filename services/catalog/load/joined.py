"""One number for each of millions of keys, in eight bytes each.

The 1.6 million rows of IMDb's title.ratings.tsv take 15 MB, and 80 MB more for the moment when they are put in order.
"""

import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

from services.catalog.adapter import JoinedNumber, Row, number
from services.catalog.item import Skipped

# An entry is the key's number, then the value in hundredths.
_VALUE_BITS = 14
_VALUE_MASK = (1 << _VALUE_BITS) - 1
_KEY = re.compile(r"\D*(\d{1,15})", re.ASCII)

NO_KEY = "no key"
NO_NUMBER = "no number, or out of range"


class NumberColumn:
    """Filled once, then asked. Of several rows with one key the lowest number counts."""

    def __init__(self, joined: JoinedNumber) -> None:
        self._joined = joined
        self._entries = array("Q")
        self._found = bytearray()
        self.rows = 0
        self.skipped: Counter[str] = Counter()

    def fill(self, rows: Iterable[Row | Skipped]) -> None:
        in_order = True
        for row in rows:
            self.rows += 1
            entry = row.reason if isinstance(row, Skipped) else self._entry(row)
            if isinstance(entry, str):
                self.skipped[entry] += 1
            else:
                in_order = in_order and (not self._entries or entry > self._entries[-1])
                self._entries.append(entry)
        if not in_order:  # IMDb's own order is that of letters: tt10000000 comes before tt1000001
            self._entries = array("Q", sorted(self._entries))
        self._found = bytearray(len(self._entries))

    def of(self, key: str) -> str:
        """The number as text, as it would stand in a row; empty where there is none."""
        found = _KEY.fullmatch(key)
        if found is None:
            return ""
        lowest = int(found[1]) << _VALUE_BITS
        position = bisect_left(self._entries, lowest)
        if position == len(self._entries) or self._entries[position] > lowest | _VALUE_MASK:
            return ""
        self._found[position] = 1
        return f"{(self._entries[position] & _VALUE_MASK) / 100:g}"

    @property
    def used(self) -> int:
        """Rows that some key was found in."""
        return sum(self._found)

    def _entry(self, row: Row) -> int | str:
        key, value = _KEY.fullmatch(row[self._joined.key]), number(row[self._joined.column])
        if key is None:
            return NO_KEY
        if value is None or not self._joined.low <= value <= self._joined.high:
            return NO_NUMBER
        return int(key[1]) << _VALUE_BITS | round(value * 100)
