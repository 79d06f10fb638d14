"""Trains the suggestion model in the background, on request and when the marks have changed: one training at a time."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from services.common.errors import SeenError
from services.spark_connector import metrics
from services.spark_connector.computations.computation import Backoff, Computation, Progress, Status
from services.spark_connector.runners.job import JobFailed, Report, part_of
from services.spark_connector.runners.process import WorkDirs
from services.spark_connector.training.collector import Collector
from services.spark_connector.training.model_store import ModelStore, Summary
from services.spark_connector.training.pairs import PairCounter
from services.spark_connector.training.program import TrainingProgram

log = logging.getLogger(__name__)

NAME = "suggestion_model"
CHANGED_SHARE = 0.1
# Seconds from the start to the first check. The other services are starting too.
FIRST_CHECK_S = 30.0
COLLECTED, COUNTED, TRAINED = 0.4, 0.6, 0.95  # completed share after each step, for display


@dataclass(frozen=True, kw_only=True)
class TrainingStatus(Status):
    """The stored model, if there is one, and the training that replaces it. `stale` is as of the last check."""

    model: Summary | None


class Trainer:
    """`interval_s`: seconds between checks of the marks, and minimum between trainings. 0: trains on request only.

    `pair_counter` counts the pairs of items if there are at least `pair_counter_from` marks; otherwise, and if it is
    None, `program` counts them.
    """

    def __init__(
        self,
        store: ModelStore,
        collector: Collector,
        program: TrainingProgram,
        work_dirs: WorkDirs,
        interval_s: float,
        backoff: Backoff,
        pair_counter: PairCounter | None,
        pair_counter_from: int,
    ) -> None:
        self._store = store
        self._collector = collector
        self._program = program
        self._work_dirs = work_dirs
        self._interval_s = interval_s
        self._pair_counter = pair_counter
        self._pair_counter_from = pair_counter_from
        self._computation = Computation(NAME, NAME, backoff, time.monotonic)
        self._requested = asyncio.Event()
        self._progress: Progress | None = None
        self._stale = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Trains in the background. At the end, a running training is cancelled."""
        task = asyncio.create_task(self._train_when_needed())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def get(self, train: bool = False) -> TrainingStatus:
        """`train` starts a training, unless one is running. Raises Unavailable if the storage does not answer."""
        if train and self._progress is None:
            self._progress = Progress(time.monotonic())
            self._requested.set()
        model = await self._store.summary()
        progress = self._progress
        if progress:
            retry_after_s = progress.retry_after_s(time.monotonic())
        else:
            retry_after_s = math.ceil(self._computation.wait_s()) if self._interval_s else 0
        return TrainingStatus(
            model=model,
            stale=self._stale,
            running=progress is not None,
            stage=progress.stage if progress else "",
            progress=progress.share if progress else 0.0,
            failure=self._computation.failure,
            retry_after_s=retry_after_s,
        )

    async def _train_when_needed(self) -> None:
        wait_s = min(FIRST_CHECK_S, self._interval_s)
        while True:
            # A request does not wait for the back-off: the administrator may have removed the cause of the failure.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s if self._interval_s else None):
                    await self._requested.wait()
            if self._requested.is_set() or await self._is_due():
                self._progress = self._progress or Progress(time.monotonic())
                await self._computation.run(self._train(self._progress.report), self._progress)
                self._progress = None
                self._requested.clear()
            failed = self._computation.failure
            wait_s = max(min(self._computation.wait_s(), self._interval_s), 1) if failed else self._interval_s

    async def _is_due(self) -> bool:
        if self._computation.failure:
            return self._computation.wait_s() == 0
        try:
            self._stale = await self._is_stale()
            metrics.STALE.labels(NAME).set(self._stale)
            model = await self._store.summary()
        except SeenError as error:
            log.info("the marks cannot be counted", extra={"error": error.message})
            return False
        except Exception:  # the loop must go on
            log.exception("unexpected error while checking the marks")
            return False
        if model:
            metrics.show_age(NAME, model.trained_at)
        # Another connector with the same storage may have trained in the meantime.
        recent = model is not None and time.time() - model.trained_at < self._interval_s
        return self._stale and not recent

    async def _is_stale(self) -> bool:
        """Whether 10 % of the marks have changed since the last training, or other ratings have been loaded."""
        marks, ratings = await self._collector.count_marks(), await self._collector.ratings_files()
        record = await self._store.record()
        if record is None:
            return marks > 0 or bool(ratings)
        changed = abs(marks - record.counted_marks)
        return (changed > 0 and changed >= CHANGED_SHARE * record.counted_marks) or list(ratings) != record.ratings

    async def _train(self, report: Report) -> None:
        try:
            async with self._work_dirs.open(NAME) as work_dir:
                inputs = work_dir.scratch / "inputs"
                inputs.mkdir()
                collected = await self._collector.collect(inputs, part_of(report, 0, COLLECTED))
                pairs, counted = None, COLLECTED
                counter = self._pair_counter
                if counter and await asyncio.to_thread(_count, inputs / "marks.tsv") >= self._pair_counter_from:
                    pairs, counted = work_dir.scratch / "pairs", COUNTED
                    await counter.count(inputs, pairs, part_of(report, COLLECTED, COUNTED))
                model = await self._program.run(work_dir, inputs, pairs, part_of(report, counted, TRAINED))
                report("storing the model", TRAINED)
                summary = await self._store.replace(model, collected.counted_marks, collected.ratings)
        except OSError as error:
            raise JobFailed(f"the training's files cannot be written: {error.strerror}", str(error)) from error
        self._stale = False
        metrics.STALE.labels(NAME).set(0)
        metrics.show_age(NAME, summary.trained_at)
        log.info("the suggestion model has been trained", extra={"people": summary.people, "marks": summary.marks})


def _count(marks: Path) -> int:
    with marks.open("rb") as file:
        return sum(1 for _ in file) - 1  # the header
