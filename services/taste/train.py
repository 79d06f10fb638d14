"""Trains a suggestion model from marks. README.md describes the files and the method.

Counts pairs of items with DuckDB, unless `--pairs` names a folder in which spark_jobs/item_pairs.py has counted them.
Progress is reported like that of the jobs in spark_jobs.
"""

import argparse
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from services.taste import model_file
from services.taste.arrays import Ints
from services.taste.domain import ItemRef, LabelCounts, Mark
from services.taste.local_ridge import GramMatrix, find_neighbours
from services.taste.measure import MAX_PEOPLE, measure
from services.taste.model import Model, Quality
from services.taste.score import LIKED_WEIGHT, SEEN_WEIGHT
from services.taste.training_files import TrainingItem, read_counts, read_items
from spark_jobs import item_pairs
from spark_jobs.duckdb_engine import DuckDBEngine
from spark_jobs.job import reported_progress
from spark_jobs.steps import Progress, Steps
from spark_jobs.views import find_files

# item_pairs writes weights of marks as whole numbers: this many times LIKED_WEIGHT and SEEN_WEIGHT.
WEIGHT_SCALE = 10
# Marks per part of the pair counting: the pairs of one part fit in memory.
MARKS_PER_PART = 100_000


@dataclass(frozen=True)
class Marks:
    """One entry for each mark, ordered by person. `person` is a number from 0, `item` an index in the list of items."""

    person: Ints
    item: Ints
    liked: NDArray[np.bool_]

    def select(self, chosen: NDArray[np.bool_]) -> "Marks":
        return Marks(self.person[chosen], self.item[chosen], self.liked[chosen])

    def is_hidden(self) -> NDArray[np.bool_]:
        """Whether each mark is of one of the people that item_pairs counts separately."""
        hidden: NDArray[np.bool_] = self.person % item_pairs.HIDDEN == 0
        return hidden


@dataclass(frozen=True)
class Trainer:
    """`folder` has the files that item_pairs has written."""

    items: Sequence[TrainingItem]
    counts: Mapping[int, LabelCounts]
    folder: Path
    progress: Progress
    processes: int = 2

    def train(self, begin: float = 0.0) -> Model:
        """The model of all people, with the quality of a model that was trained without a tenth of them.

        `begin`: the share of the job that is done already.
        """
        marks, indices = self._read_marks()
        middle = (begin + 1) / 2
        hidden = marks.is_hidden()
        without = self._model(marks.select(~hidden), indices, "measuring: learning", begin, middle, hide=True)
        self.progress.report("measuring: ranking", middle)
        quality = measure(without, _marks_by_person(self.items, marks.select(hidden), 3 * MAX_PEOPLE))
        model = self._model(marks, indices, "learning", middle, 0.98, hide=False, quality=quality)
        self.progress.report("writing the model", 0.98)
        return model

    def train_without_measuring(self) -> Model:
        marks, indices = self._read_marks()
        return self._model(marks, indices, "learning", 0.5, 1.0, hide=False)

    def _model(
        self,
        marks: Marks,
        indices: Ints,
        stage: str,
        begin: float,
        end: float,
        *,
        hide: bool,
        quality: Mapping[int, Quality] | None = None,
    ) -> Model:
        """`marks` without those of the hidden people if `hide`."""
        done = 0.0
        with self.progress.stage(stage, begin, end, lambda: done):

            def report(share: float) -> None:
                nonlocal done
                done = share

            neighbours, weights = find_neighbours(self._gram_matrix(marks, indices, hide), self.processes, report)
        types = np.array([item.type for item in self.items], np.int32)[marks.item]
        return Model.build(
            self.items,
            self.counts,
            version=uuid.uuid4().hex,
            trained_at=time.time(),
            marks=len(marks.item),
            people=len(np.unique(marks.person)),
            people_by_type={
                int(item_type): len(np.unique(marks.person[types == item_type])) for item_type in np.unique(types)
            },
            quality=quality,
            likes=np.bincount(marks.item[marks.liked], minlength=len(self.items)).astype(np.int32),
            neighbours=neighbours,
            weights=weights,
        ).pruned()

    def _read_marks(self) -> tuple[Marks, Ints]:
        """The marks on known items, and for each item's number in the folder its index; -1 if the item is unknown."""
        index_of_item = {f"{item.type}/{item.id}": index for index, item in enumerate(self.items)}
        with self._connect() as connection:
            rows = connection.read_parquet(self._files("items")).project("item, number").fetchall()
            indices = np.full(len(rows), -1, np.int32)
            for item, number in rows:
                indices[number] = index_of_item.get(item, -1)
            columns = connection.read_parquet(self._files("marked")).order("person, item").fetchnumpy()
        index = indices[columns["item"]]
        known = index >= 0
        liked = columns["weight"] >= LIKED_WEIGHT * WEIGHT_SCALE
        return Marks(columns["person"][known], index[known], liked[known]), indices

    def _gram_matrix(self, marks: Marks, indices: Ints, hide: bool) -> GramMatrix:
        weight = "weight - hidden_weight" if hide else "weight"
        people = "people - hidden_people" if hide else "people"
        count = len(self.items)
        with self._connect() as connection:
            shared = connection.read_parquet(self._files("pairs/*")).filter(f"{people} >= {item_pairs.MIN_PEOPLE}")
            columns = shared.project(
                f"item, other, CAST(({weight}) / {WEIGHT_SCALE**2} AS FLOAT) AS weight"
            ).fetchnumpy()
        item, other = indices[columns.pop("item")], indices[columns.pop("other")]
        known = (item >= 0) & (other >= 0)
        values = columns.pop("weight").astype(np.float32)[known]
        upper = csr_array((values, (item[known], other[known])), shape=(count, count))
        del item, other, values, known
        pairs = (upper + upper.T).tocsr()
        pairs.sort_indices()
        weights = np.where(marks.liked, LIKED_WEIGHT, SEEN_WEIGHT)
        return GramMatrix(pairs, np.bincount(marks.item, weights**2, count).astype(np.float32))

    @contextmanager
    def _connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with closing(duckdb.connect(":memory:", config={"threads": self.processes})) as connection:
            yield connection

    def _files(self, name: str) -> str:
        return str(self.folder / name / "*.parquet")


def _marks_by_person(items: Sequence[TrainingItem], marks: Marks, limit: int) -> Iterator[list[Mark]]:
    """The marks of each of at most `limit` people."""
    starts = np.flatnonzero(np.diff(marks.person, prepend=-1))
    for start, end in zip(starts[:limit], [*starts[1:], len(marks.person)], strict=False):
        yield [
            _mark(items[index], bool(liked))
            for index, liked in zip(marks.item[start:end].tolist(), marks.liked[start:end], strict=True)
        ]


def _mark(item: TrainingItem, liked: bool) -> Mark:
    """Whether a liked item has also been seen is not known here; its neighbours weigh the same in both cases."""
    return Mark(ItemRef(item.type, item.id), not liked, liked, item.category, item.themes)


def count_pairs(engine: DuckDBEngine, progress: Progress, inputs: str, folder: Path, end: float) -> None:
    """Counts with DuckDB, as item_pairs does. `end`: the share of the job that is done afterwards."""
    paths = find_files(inputs, ("marks",), engine.exists)
    engine.create_views(paths)
    steps = Steps(engine, progress, "item_pairs", item_pairs.PLAN, 0.0, end)
    ((marks,),) = engine.rows("SELECT count(*) FROM marks")
    item_pairs.count(engine, steps, str(folder), marks // MARKS_PER_PART + 1)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m services.taste.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--inputs", required=True, help="folder with marks.tsv, items.jsonl and perhaps counts.jsonl")
    parser.add_argument("--output", type=Path, required=True, help="the file of the model, replaced as a whole")
    parser.add_argument("--pairs", type=Path, help="folder with the pairs that spark_jobs/item_pairs.py has counted")
    parser.add_argument("--memory", default="400MB", help="memory of DuckDB before it uses the disk; default 400MB")
    parser.add_argument("--processes", type=int, default=2, help="number of processes that train; default 2")
    options = parser.parse_args(arguments)
    with reported_progress() as progress:
        train(options, progress)


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
        model = Trainer(items, counts, folder, progress, options.processes).train(counted)
        model_file.save(model, options.output)


if __name__ == "__main__":
    main()
