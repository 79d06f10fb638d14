"""How far a load is: a bar over the bytes on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, Protocol

from tqdm import tqdm

_PLAIN_EVERY_S = 10


class Progress(Protocol):
    def at(self, done: int, rows: int) -> None:
        """`done`: bytes read so far, of all files."""


class _Bar:
    def __init__(self, bar: tqdm[NoReturn]) -> None:
        self._bar = bar

    def at(self, done: int, rows: int) -> None:
        self._bar.set_postfix(rows=f"{rows:,}", refresh=False)
        self._bar.update(done - self._bar.n)


class _Lines:
    def __init__(self, name: str, size: int) -> None:
        self._name, self._size = name, max(size, 1)
        self._next = time.monotonic() + _PLAIN_EVERY_S

    def at(self, done: int, rows: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PLAIN_EVERY_S
            print(f"{self._name}: {done * 100 // self._size} % read, {rows:,} rows", file=sys.stderr, flush=True)


@contextmanager
def shown(name: str, size: int) -> Iterator[Progress]:
    if not sys.stderr.isatty():
        yield _Lines(name, size)
        return
    bar: tqdm[NoReturn] = tqdm(total=size, desc=name, unit="B", unit_scale=True, leave=False)
    with bar:
        yield _Bar(bar)
