"""The models that suggestions by taste are ranked with, held in memory and each replaced as a whole."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial

from services.common.errors import SeenError
from services.library import metrics
from services.library.datasets import Datasets
from services.library.domain import ModelSource
from services.taste import model_file
from services.taste.domain import Item, ItemRef, LabelCounts
from services.taste.model import Model

log = logging.getLogger(__name__)

# Most voted items per type that a model without people is made from.
VOTED_ITEMS = 500
# Interval between readings of the votes while a dataset does not answer or is still empty.
INCOMPLETE_INTERVAL_S = 1.0
# After a damaged file, wait this long before reading the same version again.
DAMAGED_INTERVAL_S = 60.0


class Models:
    """The model of each item type: the trained one if it has items of the type, or else one made from votes."""

    def __init__(
        self, source: ModelSource, datasets: Datasets, check_interval_s: float, votes_interval_s: float
    ) -> None:
        self._source = source
        self._datasets = datasets
        self._check_interval_s = check_interval_s
        self._votes_interval_s = votes_interval_s
        self._trained: Model | None = None
        self._trained_version = ""
        self._damaged_version = ""
        self._damaged_until = 0.0
        # The last answers of the datasets, by type, and the model made from them.
        self._voted: dict[int, Sequence[Item]] = {}
        self._counts: dict[int, LabelCounts] = {}
        self._untrained: Model | None = None
        self._failing: set[str] = set()

    def of_type(self, item_type: int) -> Model | None:
        """None if the type's items are unknown, because its dataset has not answered yet."""
        if self._trained and item_type in self._trained.most_voted:
            return self._trained
        return self._untrained if item_type in self._voted else None

    def similar(self, ref: ItemRef, limit: int) -> Sequence[ItemRef]:
        """The item's neighbours, nearest first; none before a training."""
        return self._trained.similar(ref, limit) if self._trained else ()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keeps the models up to date while the context is open. Does not wait for the first one."""
        tasks = [asyncio.create_task(self._follow_source()), asyncio.create_task(self._follow_votes())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow_source(self) -> None:
        while True:
            await self._try("the trained suggestion model", self.read_trained)
            await asyncio.sleep(self._check_interval_s)

    async def _follow_votes(self) -> None:
        while True:
            await self._try("the most voted items", self.read_votes)
            complete = all(self._voted.get(item_type) for item_type in self._datasets.by_type)
            await asyncio.sleep(self._votes_interval_s if complete else INCOMPLETE_INTERVAL_S)

    async def _try(self, name: str, read: Callable[[], Awaitable[None]]) -> None:
        """A failure leaves the current model in use. It is logged once until a reading succeeds."""
        try:
            await read()
        except Exception as error:
            if name not in self._failing:
                log.warning("%s cannot be read: %s", name, error, exc_info=not isinstance(error, SeenError))
            self._failing.add(name)
        else:
            self._failing.discard(name)

    async def read_trained(self) -> None:
        """Replaces the trained model if the source has another version. SeenError if the source does not answer."""
        version = await self._source.version()
        if version in ("", self._trained_version) or self._is_damaged(version):
            return
        content = await self._source.read(version)
        try:
            model = await asyncio.to_thread(_load, content)
        except ValueError as error:
            self._damaged_version, self._damaged_until = version, time.monotonic() + DAMAGED_INTERVAL_S
            metrics.count_model_read(damaged=True)
            log.warning("the suggestion model %s is damaged, the last one stays in use: %s", version, error)
            return
        self._trained, self._trained_version = model, version
        metrics.count_model_read(damaged=False)
        metrics.set_model(model.trained_at, model.items_with_neighbours)
        log.info("the suggestion model %s is in use", version, extra={"bytes": len(content), "items": len(model.ids)})

    def _is_damaged(self, version: str) -> bool:
        return version == self._damaged_version and time.monotonic() < self._damaged_until

    async def read_votes(self) -> None:
        """Makes a new model from votes. If a dataset does not answer, its last answer is used."""
        datasets = self._datasets.by_type
        voted, _ = await self._datasets.query_each(
            {item_type: partial(dataset.most_voted, VOTED_ITEMS) for item_type, dataset in datasets.items()}
        )
        counts, _ = await self._datasets.query_each({item_type: datasets[item_type].categories for item_type in voted})
        if voted:
            self._counts |= counts
            untrained = await asyncio.to_thread(_from_votes, self._voted | voted, self._counts)
            self._voted, self._untrained = self._voted | voted, untrained


def _load(content: bytes) -> Model:
    return _prepared(model_file.from_bytes(content))


def _from_votes(items: Mapping[int, Sequence[Item]], counts: Mapping[int, LabelCounts]) -> Model:
    return _prepared(Model.build([item for of_type in items.values() for item in of_type], counts))


def _prepared(model: Model) -> Model:
    """Computes what the model caches, so that the first request need not."""
    _ = model.positions, model.items_with_neighbours
    for terms in (model.labels, model.themes):
        _ = terms.by_name, terms.lengths
    return model
