"""What the loader tells the user: the progress while it runs, and the result."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from tqdm import tqdm

_PROGRESS_LINE_EVERY_S = 10


@dataclass
class JoinedFile:
    """The rows of a joined file. `used` rows were joined to an item's row."""

    rows: int = 0
    used: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass
class Report:
    """Every row read is added, updated, unchanged or skipped. `skipped` counts by reason."""

    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    joined: dict[str, JoinedFile] = field(default_factory=dict)
    seconds: float = 0

    def text(self, dataset: str) -> str:
        rate = self.rows / max(self.seconds, 0.001)
        lines = [f"{dataset}: {self.rows:,} rows read in {self.seconds:.1f} s ({rate:,.0f}/s)"]
        lines += [f"  {name:<10}{getattr(self, name):>12,}" for name in ("added", "updated", "unchanged")]
        lines.append(f"  {'skipped':<10}{self.skipped.total():>12,}")
        lines += _reasons(self.skipped)
        for file, joined in self.joined.items():
            unmatched = joined.rows - joined.used - joined.skipped.total()
            lines.append(f"  {file}: {joined.rows:,} rows read, {joined.used:,} joined, {unmatched:,} without an item")
            lines += _reasons(joined.skipped)
        return "\n".join(lines)


def _reasons(skipped: Counter[str]) -> list[str]:
    return [f"    {count:>18,}  {reason}" for reason, count in skipped.most_common()]


class Progress(Protocol):
    def update(self, bytes_read: int, rows: int) -> None:
        """Totals over all files."""


@contextmanager
def progress(dataset: str, total_bytes: int) -> Iterator[Progress]:
    """A bar on a terminal; elsewhere a line every ten seconds."""
    if not sys.stderr.isatty():
        yield _ProgressLines(dataset, total_bytes)
        return
    bar: tqdm[NoReturn] = tqdm(total=total_bytes, desc=dataset, unit="B", unit_scale=True, leave=False)
    with bar:
        yield _ProgressBar(bar)


class _ProgressBar:
    def __init__(self, bar: tqdm[NoReturn]) -> None:
        self._bar = bar

    def update(self, bytes_read: int, rows: int) -> None:
        self._bar.set_postfix(rows=f"{rows:,}", refresh=False)
        self._bar.update(bytes_read - self._bar.n)


class _ProgressLines:
    def __init__(self, dataset: str, total_bytes: int) -> None:
        self._dataset, self._total_bytes = dataset, max(total_bytes, 1)
        self._next = time.monotonic() + _PROGRESS_LINE_EVERY_S

    def update(self, bytes_read: int, rows: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PROGRESS_LINE_EVERY_S
            percent = bytes_read * 100 // self._total_bytes
            print(f"{self._dataset}: {percent} % read, {rows:,} rows", file=sys.stderr, flush=True)
