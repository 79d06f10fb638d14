"""Compact collections for a source's ids: a number, mostly after the same letters, such as "tt0000012"."""

import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

from services.catalog.adapter import JoinedNumber, Row, number
from services.catalog.item import Skipped

NO_KEY = "no key"
NO_NUMBER = "no number, or out of range"

_KEY = re.compile(r"\D*(\d{1,15})", re.ASCII)
# An entry of a NumberColumn is the key's number, then the value in hundredths.
_VALUE_BITS = 14
_VALUE_MASK = (1 << _VALUE_BITS) - 1

_PAGE_BITS = 1 << 16


class NumberColumn:
    """The column of a joined file, by key: eight bytes per row. If rows have the same key, the lowest number is used.

    The 1.6 million rows of IMDb's title.ratings.tsv take 15 MB, and 80 MB more while they are sorted.
    """

    def __init__(self, joined: JoinedNumber) -> None:
        self._joined = joined
        self._entries = array("Q")
        self._used = bytearray()
        self.rows = 0
        self.skipped: Counter[str] = Counter()

    def fill(self, rows: Iterable[Row | Skipped]) -> None:
        for row in rows:
            self.rows += 1
            entry = row.reason if isinstance(row, Skipped) else self._entry(row)
            if isinstance(entry, str):
                self.skipped[entry] += 1
            else:
                self._entries.append(entry)
        # IMDb sorts ids as text: tt10000000 comes before tt1000001.
        self._entries = array("Q", sorted(self._entries))
        self._used = bytearray(len(self._entries))

    def get(self, key: str) -> str:
        """The number for a key, as the text of a cell; empty if the file has none."""
        match = _KEY.fullmatch(key)
        if match is None:
            return ""
        lowest = int(match[1]) << _VALUE_BITS
        index = bisect_left(self._entries, lowest)
        if index == len(self._entries) or self._entries[index] > lowest | _VALUE_MASK:
            return ""
        self._used[index] = 1
        return f"{(self._entries[index] & _VALUE_MASK) / 100:g}"

    @property
    def used(self) -> int:
        """The number of rows that `get` has returned."""
        return sum(self._used)

    def _entry(self, row: Row) -> int | str:
        key, value = _KEY.fullmatch(row[self._joined.key]), number(row[self._joined.column])
        if key is None:
            return NO_KEY
        if value is None or not self._joined.low <= value <= self._joined.high:
            return NO_NUMBER
        return int(key[1]) << _VALUE_BITS | round(value * 100)


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
