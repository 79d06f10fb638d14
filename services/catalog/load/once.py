"""Which ids a load has met, in a bit for each where they are numbers: 40 million IMDb titles take 5 MB."""

import re

_NUMBER = re.compile(r"\D*(\d{1,12})", re.ASCII)
_PAGE_BITS = 1 << 16


class Once:
    def __init__(self) -> None:
        self._pages: dict[tuple[str, int], bytearray] = {}
        self._others: set[str] = set()

    def is_new(self, source_id: str) -> bool:
        """True the first time that it is asked for an id."""
        found = _NUMBER.fullmatch(source_id)
        if found is None:
            new = source_id not in self._others
            self._others.add(source_id)
            return new
        digits = found[1]
        page, bit = divmod(int(digits), _PAGE_BITS)
        # "tt0000012" and "12" are two ids, and so are "012" and "12".
        shape = f"{source_id[: -len(digits)]}{len(digits)}"
        bits = self._pages.setdefault((shape, page), bytearray(_PAGE_BITS // 8))
        new = not bits[bit >> 3] >> (bit & 7) & 1
        bits[bit >> 3] |= 1 << (bit & 7)
        return new
