"""The compared methods. Each lists the best items of a type for some people, without their known marks."""

import asyncio
import dataclasses
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from load.benchmarks.quality.data import Data, Person, Split, write_inputs
from load.benchmarks.quality.metrics import RECALL_LENGTH
from services.library.datasets import Datasets
from services.library.domain import Accounts, Dataset, ThemePoints
from services.library.suggestions import by_theme, points
from services.library.suggestions.request import NamedItems, Request
from services.taste import score
from services.taste.arrays import Rows
from services.taste.domain import ItemRef
from services.taste.model import Model
from services.taste.rank import rank
from services.taste.train import Trainer, count_pairs
from services.taste.training_files import TrainingItem
from spark_jobs.duckdb_engine import DuckDBEngine
from spark_jobs.steps import Progress

# Lists LENGTH items for each person. The seed matters to methods that are random.
Method = Callable[[Sequence[Split], int], Iterator[list[ItemRef]]]
LENGTH = RECALL_LENGTH  # the longest that a metric needs

KNN_NEIGHBOURS = 100
EASE_RIDGE = 100.0


class Quiet(Progress):
    def report(self, stage: str, progress: float, error: str | None = None) -> None:
        pass


def train(data: Data, people: Sequence[Person], processes: int = 2) -> Model:
    """By services/taste, as the connector's child process does."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder, people)
        with DuckDBEngine.start("400MB", processes) as engine:
            count_pairs(engine, Quiet(), name, folder / "pairs", 0.5)
        return Trainer(data.items, {}, folder / "pairs", Quiet(), processes).train_without_measuring()


def untrained(data: Data) -> Model:
    return Model.build(data.items, {}).pruned()


def without_neighbours(model: Model) -> Model:
    return dataclasses.replace(model, neighbours=Rows.of([[]] * len(model.ids)), weights=np.zeros(0, np.float32))


def taste(model: Model, *, noise: bool = False) -> Method:
    """The strategy "taste": the code that serves."""

    def lists(splits: Sequence[Split], seed: int) -> Iterator[list[ItemRef]]:
        for split in splits:
            best = rank(score.Person(model, split.known), split.person.type, LENGTH, seed=seed if noise else None)
            yield [ranked.ref for ranked in best]

    return lists


def in_order(ranking: Mapping[int, Sequence[ItemRef]]) -> Method:
    """The same order for everyone."""

    def lists(splits: Sequence[Split], seed: int) -> Iterator[list[ItemRef]]:
        for split in splits:
            known = {mark.ref for mark in split.known}
            first = ranking.get(split.person.type, ())[: LENGTH + len(known)]
            yield [ref for ref in first if ref not in known][:LENGTH]

    return lists


def most_voted(data: Data) -> Method:
    return in_order(_by_type(sorted(data.items, key=lambda item: -(item.votes or 0))))


def most_liked(data: Data, people: Iterable[Person]) -> Method:
    likes = Counter(mark.ref for person in people for mark in person.marks if mark.liked)
    return in_order(_by_type(sorted(data.items, key=lambda item: -likes[ItemRef(item.type, item.id)])))


def at_random(data: Data) -> Method:
    refs = _by_type(data.items)

    def lists(splits: Sequence[Split], seed: int) -> Iterator[list[ItemRef]]:
        for number, split in enumerate(splits):
            of_type = refs[split.person.type]
            drawn = np.random.default_rng([seed, number]).choice(len(of_type), LENGTH + len(split.known), replace=False)
            known = {mark.ref for mark in split.known}
            yield [of_type[position] for position in drawn if of_type[position] not in known][:LENGTH]

    return lists


def _by_type(items: Iterable[TrainingItem]) -> dict[int, list[ItemRef]]:
    refs: dict[int, list[ItemRef]] = {}
    for item in items:
        refs.setdefault(item.type, []).append(ItemRef(item.type, item.id))
    return refs


def default_rule(data: Data) -> Method:
    """The strategy "categories" of the library: its code, over datasets and accounts in memory.

    A list takes an item of each of the three themes in turn. If they have fewer than LENGTH items, it is shorter.
    """
    datasets = Datasets([cast(Dataset, MemoryDataset(data, item_type)) for item_type in data.names])

    def lists(splits: Sequence[Split], seed: int) -> Iterator[list[ItemRef]]:
        async def suggest(number: int, split: Split) -> list[ItemRef]:
            request = Request("somebody", [split.person.type], 10, seed + number)
            accounts = cast(Accounts, MemoryAccounts(split))
            none = NamedItems((), frozenset(), ())
            answer = await by_theme.suggest(datasets, accounts, request.types, request, none)
            by_reason: dict[Any, list[ItemRef]] = {}
            for suggestion in answer.suggestions:
                item = suggestion.item
                by_reason.setdefault(suggestion.because, []).append(ItemRef(item.type, item.id))
            turns = [items[turn] for turn in range(LENGTH) for items in by_reason.values() if turn < len(items)]
            return turns[:LENGTH]

        with asyncio.Runner() as runner:
            for number, split in enumerate(splits):
                yield runner.run(suggest(number, split))

    return lists


@dataclass(frozen=True)
class MemorySample:
    category: str
    items: Sequence[TrainingItem]
    complete: bool


class MemoryDataset:
    """Draws random samples of themes as a dataset does."""

    def __init__(self, data: Data, item_type: int) -> None:
        self.type = item_type
        self.name = data.names[item_type]
        self._items: dict[str, list[TrainingItem]] = {by_theme.WHOLE_DATASET: []}
        for item in data.items:
            if item.type == item_type:
                for theme in (by_theme.WHOLE_DATASET, *item.themes):
                    self._items.setdefault(theme, []).append(item)

    async def sample(self, themes: Sequence[str], amount: int, max_themes: int, seed: int) -> Sequence[MemorySample]:
        samples = []
        random = np.random.default_rng([seed, self.type])
        for theme in [theme for theme in themes if theme in self._items][:max_themes]:
            items = self._items[theme]
            drawn = random.choice(len(items), min(amount, len(items)), replace=False)
            samples.append(MemorySample(theme, [items[position] for position in drawn], len(items) <= amount))
        return samples


class MemoryAccounts:
    """The known marks of one person."""

    def __init__(self, split: Split) -> None:
        self._known = split.known
        self._refs = {mark.ref for mark in split.known}

    async def top_themes(self, subject: str, limit: int) -> Sequence[ThemePoints]:
        seen, liked = Counter[str](), Counter[str]()
        for mark in self._known:
            for theme in mark.themes:
                seen[theme] += mark.seen
                liked[theme] += mark.liked
        return points.most_first(points.theme_points(theme, seen[theme], liked[theme]) for theme in seen)[:limit]

    async def filter_marked(self, subject: str, refs: Sequence[ItemRef]) -> set[ItemRef]:
        return self._refs.intersection(refs)


class Matrix:
    """The marks of one type as people x items; only marked items have a column."""

    def __init__(self, people: Sequence[Person], liked: float, seen: float) -> None:
        self.columns: dict[ItemRef, int] = {}
        rows, columns, values = [], [], []
        for row, person in enumerate(people):
            for mark in person.marks:
                rows.append(row)
                columns.append(self.columns.setdefault(mark.ref, len(self.columns)))
                values.append(liked if mark.liked else seen)
        shape = (len(people), len(self.columns))
        self.values = csr_array((np.array(values, np.float64), (rows, columns)), shape=shape)
        self.refs = list(self.columns)
        self._weights = (liked, seen)

    def vector(self, split: Split) -> NDArray[np.float64]:
        vector = np.zeros(len(self.columns))
        for mark in split.known:
            if mark.ref in self.columns:
                vector[self.columns[mark.ref]] = self._weights[0] if mark.liked else self._weights[1]
        return vector

    def best(self, split: Split, scores: NDArray[np.float64]) -> list[ItemRef]:
        for mark in split.known:
            if mark.ref in self.columns:
                scores[self.columns[mark.ref]] = -np.inf
        return [self.refs[column] for column in np.argsort(-scores, kind="stable")[:LENGTH]]


def item_knn(people: Sequence[Person]) -> Method:
    """Cosine of the likes; the 100 nearest of each item. Sarwar et al. 2001."""

    def similarities(matrix: Matrix) -> Any:
        liked = matrix.values
        together = (liked.T @ liked).toarray()
        lengths = np.sqrt(np.maximum(np.diag(together), 1e-9))
        cosine = together / lengths / lengths[:, None]
        np.fill_diagonal(cosine, 0)
        if len(cosine) > KNN_NEIGHBOURS:
            least = -np.partition(-cosine, KNN_NEIGHBOURS, axis=1)[:, KNN_NEIGHBOURS]
            cosine[cosine <= least[:, None]] = 0
        return csr_array(cosine)

    return _linear(people, 1.0, 0.0, similarities)


def ease(people: Sequence[Person]) -> Method:
    """Dense EASE, with the weights of services/taste for likes and seen items. Steck 2019."""

    def weights(matrix: Matrix) -> Any:
        gram = (matrix.values.T @ matrix.values).toarray()
        gram[np.diag_indices_from(gram)] += EASE_RIDGE
        inverse = np.linalg.inv(gram)
        result = -inverse / np.diag(inverse)
        np.fill_diagonal(result, 0)
        return result.T

    return _linear(people, score.LIKED_WEIGHT, score.SEEN_WEIGHT, weights)


def _linear(people: Sequence[Person], liked: float, seen: float, weights: Callable[[Matrix], Any]) -> Method:
    """Scores are weights (items x items, from column to row) times a person's marks; each type has its own matrix."""
    types = {person.type for person in people}
    matrices = {each: Matrix([person for person in people if person.type == each], liked, seen) for each in types}
    computed = {each: weights(matrix) for each, matrix in matrices.items()}

    def lists(splits: Sequence[Split], seed: int) -> Iterator[list[ItemRef]]:
        for split in splits:
            matrix = matrices[split.person.type]
            yield matrix.best(split, computed[split.person.type] @ matrix.vector(split))

    return lists
