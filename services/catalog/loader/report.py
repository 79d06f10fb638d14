"""The loader's output: progress while it runs, and the result."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from tqdm import tqdm

from services.catalog.loader.lookups import JoinedNumbers

_PROGRESS_LINE_EVERY_S = 10


@dataclass
class Report:
    """Every row read is added, updated, unchanged or skipped. `skipped` counts by reason."""

    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    joined: dict[str, JoinedNumbers] = field(default_factory=dict)
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


# Called with the bytes and rows read so far, of all files.
Progress = Callable[[int, int], object]


@contextmanager
def progress(dataset: str, total_bytes: int) -> Iterator[Progress]:
    """A bar on a terminal; elsewhere a line every ten seconds."""
    if not sys.stderr.isatty():
        yield _progress_lines(dataset, total_bytes)
        return
    bar: tqdm[NoReturn] = tqdm(total=total_bytes, desc=dataset, unit="B", unit_scale=True, leave=False)

    def update(bytes_read: int, rows: int) -> None:
        bar.set_postfix(rows=f"{rows:,}", refresh=False)
        bar.update(bytes_read - bar.n)

    with bar:
        yield update


def _progress_lines(dataset: str, total_bytes: int) -> Progress:
    next_line = time.monotonic() + _PROGRESS_LINE_EVERY_S

    def update(bytes_read: int, rows: int) -> None:
        nonlocal next_line
        if time.monotonic() >= next_line:
            next_line = time.monotonic() + _PROGRESS_LINE_EVERY_S
            percent = bytes_read * 100 // max(total_bytes, 1)
            print(f"{dataset}: {percent} % read, {rows:,} rows", file=sys.stderr, flush=True)

    return update
