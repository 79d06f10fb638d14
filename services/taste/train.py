"""Trains a suggestion model from marks. README.md describes the files and the method.

`python -m services.taste.train --inputs FOLDER --output FILE` counts pairs of items with DuckDB, unless `--pairs` names
a folder in which spark_jobs/item_pairs.py has counted them. Progress is reported like that of the jobs in spark_jobs.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from services.taste.measure import MAX_PEOPLE, measure
from services.taste.model import Ints, LabelCounts, Model
from services.taste.neighbours import Together, neighbours
from services.taste.rank import Mark
from spark_jobs import item_pairs
from spark_jobs.duckdb_engine import DuckDBEngine
from spark_jobs.steps import Progress, Steps
from spark_jobs.views import InputError, find_files

# Of a mark in marked.parquet and of the sums in pairs.parquet.
MARK_SCALE = 10
LIKE = 10
# Marks per part of the pair counting: the pairs of one part fit in memory.
MARKS_PER_PART = 100_000


@dataclass(frozen=True)
class TrainingItem:
    type: int
    id: str
    category: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    rating: float | None = None
    votes: int | None = None


@dataclass(frozen=True)
class Marks:
    """One entry for each mark; `person` is a number from 0, `item` a position in the list of items."""

    person: Ints
    item: Ints
    liked: NDArray[np.bool_]

    def of_people(self, chosen: NDArray[np.bool_]) -> "Marks":
        return Marks(self.person[chosen], self.item[chosen], self.liked[chosen])

    def is_hidden(self) -> NDArray[np.bool_]:
        """The marks of the people that item_pairs counts apart."""
        hidden: NDArray[np.bool_] = self.person % item_pairs.HIDDEN == 0
        return hidden


@dataclass(frozen=True)
class Trainer:
    """`folder` has what item_pairs has written."""

    items: Sequence[TrainingItem]
    counts: Mapping[int, LabelCounts]
    folder: Path
    progress: Progress
    processes: int = 2
    threads: int | None = None

    def train(self, begin: float = 0.0) -> Model:
        """The model of all people, with the quality of one that a tenth of them is hidden from.

        `begin`: the share of the job that is done already.
        """
        marks, numbers = self._read_marks()
        middle = (begin + 1) / 2
        hidden = marks.is_hidden()
        without = self._model(marks.of_people(~hidden), numbers, "measuring: learning", begin, middle, hide=True)
        self.progress.report("measuring: ranking", middle)
        quality = measure(without, list(people_marks(self.items, marks.of_people(hidden), 3 * MAX_PEOPLE)))
        model = self._model(marks, numbers, "learning", middle, 0.98, hide=False, quality=quality)
        self.progress.report("writing the model", 0.98)
        return model

    def train_without_measuring(self) -> Model:
        marks, numbers = self._read_marks()
        return self._model(marks, numbers, "learning", 0.5, 1.0, hide=False)

    def _model(
        self, marks: Marks, numbers: Ints, stage: str, begin: float, end: float, *, hide: bool, quality: Any = None
    ) -> Model:
        share = 0.0
        with self.progress.stage(stage, begin, end, lambda: share):

            def report(done: float) -> None:
                nonlocal share
                share = done

            together = self._together(marks, numbers, hide)
            rows, weights = neighbours(together, self.processes, report)
        types = np.array([item.type for item in self.items], np.int32)
        people = {
            int(kind): len(np.unique(marks.person[types[marks.item] == kind])) for kind in np.unique(types[marks.item])
        }
        return pruned(
            Model.build(
                self.items,
                self.counts,
                version=uuid.uuid4().hex,
                trained_at=time.time(),
                marks=len(marks.item),
                people=len(np.unique(marks.person)),
                people_by_type=people,
                quality=quality,
                likes=np.bincount(marks.item[marks.liked], minlength=len(self.items)).astype(np.int32),
                neighbours=rows,
                weights=weights,
            )
        )

    def _read_marks(self) -> tuple[Marks, Ints]:
        """The marks on known items, and for each number of an item in the folder its position, -1 if it is unknown."""
        positions = {f"{item.type}/{item.id}": position for position, item in enumerate(self.items)}
        with self._connect() as connection:
            rows = connection.read_parquet(self._files("items")).project("item, number").fetchall()
            numbers = np.full(len(rows), -1, np.int32)
            for item, number in rows:
                numbers[number] = positions.get(item, -1)
            columns = connection.read_parquet(self._files("marked")).order("person, item").fetchnumpy()
        item = numbers[columns["item"]]
        known = item >= 0
        return Marks(columns["person"][known], item[known], columns["weight"][known] >= LIKE), numbers

    def _together(self, marks: Marks, numbers: Ints, hide: bool) -> Together:
        """A, without the hidden people if `hide`."""
        weight = "weight - hidden_weight" if hide else "weight"
        people = "people - hidden_people" if hide else "people"
        count = len(self.items)
        with self._connect() as connection:
            pairs_read = connection.read_parquet(self._files("pairs/*")).filter(f"{people} >= {item_pairs.MIN_PEOPLE}")
            columns = pairs_read.project(
                f"item, other, CAST(({weight}) / {MARK_SCALE**2} AS FLOAT) AS weight"
            ).fetchnumpy()
        item, other = numbers[columns.pop("item")], numbers[columns.pop("other")]
        known = (item >= 0) & (other >= 0)
        values = columns.pop("weight").astype(np.float32)[known]
        half = csr_array((values, (item[known], other[known])), shape=(count, count))
        del item, other, values, known
        pairs = (half + half.T).tocsr()
        pairs.sort_indices()
        weights = np.where(marks.liked, 1.0, 0.3)
        return Together(pairs, np.bincount(marks.item, weights**2, count).astype(np.float32))

    @contextmanager
    def _connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with closing(duckdb.connect(":memory:", config={"threads": self.threads or 2})) as connection:
            yield connection

    def _files(self, name: str) -> str:
        return str(self.folder / name / "*.parquet")


def people_marks(items: Sequence[TrainingItem], marks: Marks, limit: int) -> Iterator[list[Mark]]:
    """The marks of each of at most `limit` people."""
    starts = np.flatnonzero(np.diff(marks.person, prepend=-1))
    for start, end in zip(starts[:limit], [*starts[1:], len(marks.person)], strict=False):
        yield [
            mark_of(items[item], bool(liked))
            for item, liked in zip(marks.item[start:end].tolist(), marks.liked[start:end], strict=True)
        ]


def mark_of(item: TrainingItem, liked: bool) -> Mark:
    """Whether a liked item has also been seen is not known here; both weigh the same as neighbours."""
    return Mark((item.type, item.id), not liked, liked, item.category, item.themes)


def pruned(model: Model) -> Model:
    """Without the items that ranking never reads."""
    used = np.diff(model.neighbours.starts) > 0
    used[model.neighbours.values] = True
    for tops in (model.most_liked, model.most_voted):
        for top in tops.values():
            used[top] = True
    return model.only(np.flatnonzero(used))


def count_pairs(engine: DuckDBEngine, progress: Progress, inputs: str, folder: Path, end: float) -> None:
    """Counts with DuckDB. `end`: the share of the job that is done then."""
    paths = find_files(inputs, ("marks",), engine.exists)
    engine.create_views(paths)
    steps = Steps(engine, progress, "item_pairs", item_pairs.PLAN, 0.0, end)
    ((marks,),) = engine.rows("SELECT count(*) FROM marks")
    item_pairs.count(engine, steps, str(folder), marks // MARKS_PER_PART + 1)


def read_items(path: Path) -> list[TrainingItem]:
    """Raises InputError for a line that is no item."""
    items: dict[tuple[int, str], TrainingItem] = {}
    for number, line in enumerate(_lines(path), 1):
        try:
            value = json.loads(line)
            item = TrainingItem(
                int(value["type"]),
                str(value["id"]),
                tuple(map(str, value.get("category") or ())),
                tuple(map(str, value.get("themes") or ())),
                None if value.get("rating") is None else float(value["rating"]),
                None if value.get("votes") is None else int(value["votes"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path}, line {number}: not an item: {error!r}") from error
        items[item.type, item.id] = item
    return list(items.values())


def read_counts(path: Path) -> dict[int, LabelCounts]:
    """Empty if there is no such file. Raises InputError for a line that has no counts."""
    counts = {}
    for number, line in enumerate(_lines(path) if path.exists() else (), 1):
        try:
            value = json.loads(line)
            counts[int(value["type"])] = LabelCounts(
                int(value["items"]), _int_values(value["categories"]), _int_values(value["themes"])
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path}, line {number}: no counts: {error!r}") from error
    return counts


def _int_values(values: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(count) for name, count in values.items()}


def _lines(path: Path) -> Iterable[str]:
    if not path.exists():
        raise InputError(f"there is no {path}")
    with path.open(encoding="utf-8") as file:
        yield from (line for line in file if line.strip())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m services.taste.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--inputs", required=True, help="folder with marks.tsv, items.jsonl and perhaps counts.jsonl")
    parser.add_argument("--output", type=Path, required=True, help="the model's file, replaced as a whole")
    parser.add_argument("--pairs", type=Path, help="folder with the pairs that spark_jobs/item_pairs.py has counted")
    parser.add_argument("--memory", default="400MB", help="memory of DuckDB before it uses the disk; default 400MB")
    parser.add_argument("--processes", type=int, default=2, help="that solve beside each other; default 2")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _terminate)
    progress = Progress()
    try:
        train(options, progress)
    except InputError as error:
        progress.failed(str(error))
        sys.exit(1)
    except Exception as error:
        progress.failed(f"{type(error).__name__}: {str(error)[:500]}")
        raise
    progress.report("done", 1.0)


def train(options: argparse.Namespace, progress: Progress) -> None:
    inputs = Path(options.inputs)
    items, counts = read_items(inputs / "items.jsonl"), read_counts(inputs / "counts.jsonl")
    with tempfile.TemporaryDirectory(prefix="seen-pairs-") as scratch:
        counted = 0.0
        if options.pairs is None:
            counted = 0.4
            with DuckDBEngine.start(options.memory, options.processes) as engine:
                count_pairs(engine, progress, options.inputs, Path(scratch), counted)
        folder = options.pairs or Path(scratch)
        trainer = Trainer(items, counts, folder, progress, options.processes, options.processes)
        trainer.train(counted).save(options.output)


def _terminate(*_: object) -> NoReturn:
    # Raises SystemExit, so that context managers remove scratch files.
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    main()
