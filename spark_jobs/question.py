"""A question: the named SQL statements of one file under sql/, run step by step on an engine."""

import pkgutil
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from spark_jobs.engine import Engine
from spark_jobs.progress import Progress

_HEADING = re.compile(r"^-- step (\w+) (\d+) (.+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    weight: int
    """Its part of the whole time, in per cent or so: only for progress."""
    stage: str
    sql: str


def steps(*files: str) -> dict[str, Step]:
    """Reads `-- step NAME WEIGHT WHAT IT DOES`, each followed by its statement. Works from a zip, as on a cluster."""
    found = {}
    for file in files:
        text = pkgutil.get_data("spark_jobs", f"sql/{file}.sql")
        if text is None:
            raise FileNotFoundError(f"sql/{file}.sql")
        _, *parts = _HEADING.split(text.decode())
        for name, weight, stage, sql in zip(*[iter(parts)] * 4, strict=True):
            found[name] = Step(int(weight), stage, sql.strip())
    return found


class Question:
    """Runs steps by name. `plan` names those that will be run, as far as is known: progress is measured against it."""

    def __init__(self, engine: Engine, progress: Progress, file: str, plan: Sequence[str]) -> None:
        self._engine = engine
        self._progress = progress
        self._steps = steps(file, "names")
        self._shares = {}
        weight = 0
        total = sum(self._steps[name].weight for name in plan)
        for name in plan:
            begin, weight = weight, weight + self._steps[name].weight
            self._shares[name] = (begin / total, weight / total)

    @contextmanager
    def stage(self, name: str, **values: int | str) -> Iterator[str]:
        """The step's statement with its values, and progress told while the block runs it."""
        step = self._steps[name]
        with self._progress.stage(step.stage, *self._shares[name], lambda: self._engine.share):
            yield step.sql.format(**values)

    def keep(self, name: str, **values: int | str) -> int:
        """Keeps the step's answer as a table of that name, and returns its number of rows."""
        with self.stage(name, **values) as sql:
            return self._engine.keep(name, sql)

    def rows(self, name: str, **values: int | str) -> list[tuple[Any, ...]]:
        with self.stage(name, **values) as sql:
            return self._engine.rows(sql)

    def names(self, people: Iterable[int]) -> dict[int, str]:
        """The names of those of these people whom IMDb's list of names has."""
        numbers = ", ".join(map(str, people))
        return dict(self.rows("names", people=numbers)) if numbers else {}
