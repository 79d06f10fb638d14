"""Runs the SQL statements of a question step by step, and reports progress.

Standard output has one JSON object per line, and nothing else:
{"stage": "reading the ratings", "progress": 0.1}             on a change, at most once a second
{"stage": "done", "progress": 1.0}                            the result has been written
{"stage": "failed", "progress": 0.4, "error": "a sentence"}   no result has been written; the exit code is not 0
"""

import json
import pkgutil
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from spark_jobs.engine import Engine

INTERVAL_S = 1.0
_HEADING = re.compile(r"^-- step (\w+) (\d+) (.+)\n", re.MULTILINE)


class Progress:
    def __init__(self) -> None:
        self._progress = 0.0
        self._reported: tuple[str, float] | None = None

    @contextmanager
    def stage(self, name: str, begin: float, end: float, part: Callable[[], float]) -> Iterator[None]:
        """Reports progress from `begin` to `end` while the block runs. `part` returns its completed share, 0 to 1."""
        finished = threading.Event()

        def watch() -> None:
            while not finished.wait(INTERVAL_S):
                self.report(name, begin + part() * (end - begin))

        self.report(name, begin)
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            finished.set()
            watcher.join()

    def report(self, stage: str, progress: float, error: str | None = None) -> None:
        """Progress never decreases, although an engine's estimate may."""
        self._progress = max(self._progress, min(round(progress, 2), 1.0))
        if (stage, self._progress) != self._reported:
            self._reported = (stage, self._progress)
            line = {"stage": stage, "progress": self._progress} | ({} if error is None else {"error": error})
            print(json.dumps(line, ensure_ascii=False), flush=True)

    def failed(self, error: str) -> None:
        self.report("failed", self._progress, error)


@dataclass(frozen=True)
class Step:
    """`weight` is the step's approximate share of the total time in per cent, used for progress only."""

    weight: int
    stage: str
    sql: str


def read_steps(*files: str) -> dict[str, Step]:
    """Reads sql/FILE.sql: headings `-- step NAME WEIGHT STAGE`, each followed by a statement. Works inside a zip."""
    steps = {}
    for file in files:
        text = pkgutil.get_data("spark_jobs", f"sql/{file}.sql")
        if text is None:
            raise FileNotFoundError(f"sql/{file}.sql")
        _, *parts = _HEADING.split(text.decode())
        for name, weight, stage, sql in zip(*[iter(parts)] * 4, strict=True):
            steps[name] = Step(int(weight), stage, sql.strip())
    return steps


class Steps:
    """Runs steps of one SQL file by name.

    `plan` names the steps that will run, in order. Together they take the job's progress from `begin` to `end`.
    """

    def __init__(
        self,
        engine: Engine,
        progress: Progress,
        file: str,
        plan: Sequence[str],
        begin: float = 0.0,
        end: float = 1.0,
    ) -> None:
        self._engine = engine
        self._progress = progress
        self._steps = read_steps(file, "names")
        self._ranges = {}
        weight = 0
        total = sum(self._steps[name].weight for name in plan)
        for name in plan:
            before, weight = weight, weight + self._steps[name].weight
            self._ranges[name] = (begin + before / total * (end - begin), begin + weight / total * (end - begin))

    @contextmanager
    def stage(self, name: str, share: tuple[float, float] = (0, 1), **values: int | str) -> Iterator[str]:
        """Yields the step's statement with its values filled in, and reports progress while the block runs it.

        `share`: where in the step this statement begins and ends, from 0 to 1.
        """
        step = self._steps[name]
        begin, end = self._ranges[name]
        low, high = (begin + part * (end - begin) for part in share)
        with self._progress.stage(step.stage, low, high, lambda: self._engine.progress):
            yield step.sql.format(**values)

    def create_table(self, name: str, **values: int | str) -> int:
        """Creates a table that is named like the step, and returns its number of rows."""
        with self.stage(name, (0, 1), **values) as sql:
            return self._engine.create_table(name, sql)

    def rows(self, name: str, **values: int | str) -> list[tuple[Any, ...]]:
        with self.stage(name, (0, 1), **values) as sql:
            return self._engine.rows(sql)

    def names(self, people: Iterable[int]) -> dict[int, str]:
        """The names of the people that name.basics has."""
        numbers = ", ".join(map(str, people))
        return dict(self.rows("names", people=numbers)) if numbers else {}
