"""Decides when to train, and trains: one training at a time, in the background."""

import asyncio
import contextlib
import datetime
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from services.common.errors import SeenError, Unavailable
from services.spark_connector import metrics
from services.spark_connector.computations.backoff import DEFAULT_BACKOFF, Backoff
from services.spark_connector.computations.progress import Progress
from services.spark_connector.runners.job import SEE_LOG, JobFailed, Report
from services.spark_connector.runners.process import WorkDirs
from services.spark_connector.storage.files import StoredFile
from services.spark_connector.training.inputs import Collected
from services.spark_connector.training.model_store import ModelStore, Summary
from services.spark_connector.training.pairs import PairCounter
from services.spark_connector.training.program import TrainingProgram

log = logging.getLogger(__name__)

NAME = "suggestion_model"
CHANGED_SHARE = 0.1
# After a start, before the first check: the other services are starting too.
FIRST_CHECK_S = 30.0
COLLECTED, COUNTED, TRAINED = 0.4, 0.6, 0.95  # shares of the work, for display


class Source(Protocol):
    """Where the training's inputs come from. Every method raises Unavailable if a service does not answer."""

    async def count_marks(self) -> int: ...

    async def ratings_files(self) -> Sequence[StoredFile]: ...

    async def collect(self, folder: Path, report: Report) -> Collected: ...


@dataclass(frozen=True)
class TrainingStatus:
    """The current model, if there is one, and the training that replaces it. `stale`: at the last check."""

    model: Summary | None
    stale: bool
    running: bool
    stage: str
    progress: float
    failure: str
    retry_after_s: int


@dataclass(frozen=True)
class Failure:
    message: str
    failures: int
    failed_at: float


class Trainer:
    """`interval_s`: seconds between checks of the marks, and at least between trainings. 0: trains on request only.

    `counter` counts the pairs of items from `counter_from` marks on, `program` those of fewer.
    """

    def __init__(
        self,
        store: ModelStore,
        source: Source,
        program: TrainingProgram,
        work_dirs: WorkDirs,
        interval_s: float,
        backoff: Backoff = DEFAULT_BACKOFF,
        counter: PairCounter | None = None,
        counter_from: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._source = source
        self._counter = counter
        self._counter_from = counter_from
        self._program = program
        self._work_dirs = work_dirs
        self._interval_s = interval_s
        self._backoff = backoff
        self._clock = clock
        self._requested = asyncio.Event()
        self._progress: Progress | None = None
        self._stale = False
        self._failure: Failure | None = None

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
        """`train` starts a training, unless one runs. Raises Unavailable if the storage does not answer."""
        if train and self._progress is None:
            self._progress = Progress(self._clock())
            self._requested.set()
        model = await self._store.summary()
        progress = self._progress
        if progress:
            retry_after_s = progress.retry_after_s(self._clock())
        else:
            retry_after_s = math.ceil(max(0, self._wait_s())) if self._interval_s else 0
        return TrainingStatus(
            model=model,
            stale=self._stale,
            running=progress is not None,
            stage=progress.stage if progress else "",
            progress=progress.share if progress else 0.0,
            failure=self._failure.message if self._failure else "",
            retry_after_s=retry_after_s,
        )

    async def _train_when_needed(self) -> None:
        wait_s = min(FIRST_CHECK_S, self._interval_s)
        while True:
            # Somebody may ask while nothing is due, and never waits for the back-off: its cause may have been removed.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s if self._interval_s else None):
                    await self._requested.wait()
            if self._requested.is_set() or await self._is_due():
                self._progress = self._progress or Progress(self._clock())
                await self._train(self._progress)
            wait_s = max(min(self._wait_s(), self._interval_s), 1) if self._failure else self._interval_s

    async def _is_due(self) -> bool:
        if self._failure:
            return self._wait_s() <= 0
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
            _show_age(model)
        # Another connector with the same storage may have trained in the meantime.
        recent = model is not None and time.time() - model.trained_at < self._interval_s
        return self._stale and not recent

    async def _is_stale(self) -> bool:
        """Whether 10 % of the marks have changed since the last training, or other ratings have been loaded."""
        marks, ratings = await self._source.count_marks(), await self._source.ratings_files()
        record = await self._store.record()
        if record is None:
            return marks > 0 or bool(ratings)
        changed = abs(marks - record.counted_marks)
        return (changed > 0 and changed >= CHANGED_SHARE * record.counted_marks) or list(ratings) != record.ratings

    def _wait_s(self) -> float:
        """Seconds until a failed training is repeated."""
        if self._failure is None:
            return 0
        return self._failure.failed_at + self._backoff.wait_s(self._failure.failures) - self._clock()

    async def _train(self, progress: Progress) -> None:
        outcome = "failed"
        metrics.COMPUTING.labels(NAME).inc()
        try:
            await self._run(progress.report)
            self._stale, self._failure = False, None
            metrics.STALE.labels(NAME).set(0)
            outcome = "answered"
        except JobFailed as error:
            self._fail(error.message, error.detail)
        except Unavailable as error:
            self._fail(error.message, "")
        except OSError as error:
            self._fail(f"the training's files cannot be written: {error.strerror}", str(error))
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception as error:
            log.exception("unexpected error in a training")
            self._fail(SEE_LOG, str(error))
        finally:
            self._progress = None
            self._requested.clear()
            metrics.COMPUTING.labels(NAME).dec()
            metrics.COMPUTATIONS.labels(NAME, outcome).inc()
            metrics.SECONDS.labels(NAME).observe(self._clock() - progress.started_at)

    async def _run(self, report: Report) -> None:
        async with self._work_dirs.open(NAME) as work_dir:
            inputs = work_dir.scratch / "inputs"
            inputs.mkdir()
            collected = await self._source.collect(inputs, _part(report, 0, COLLECTED))
            pairs, counted = None, COLLECTED
            if self._counter and await asyncio.to_thread(_count, inputs / "marks.tsv") >= self._counter_from:
                pairs, counted = work_dir.scratch / "pairs", COUNTED
                await self._counter.count(inputs, pairs, _part(report, COLLECTED, COUNTED))
            model = await self._program.run(work_dir, inputs, pairs, _part(report, counted, TRAINED))
            report("storing the model", TRAINED)
            summary = await self._store.replace(model, collected.counted_marks, collected.ratings)
        _show_age(summary)
        log.info("the suggestion model has been trained", extra={"people": summary.people, "marks": summary.marks})

    def _fail(self, message: str, detail: str) -> None:
        failures = self._failure.failures + 1 if self._failure else 1
        self._failure = Failure(message, failures, self._clock())
        log.error(
            "training failed: %s", message, extra={"detail": detail, "retry_in_s": self._backoff.wait_s(failures)}
        )


def _show_age(model: Summary) -> None:
    metrics.show_age(NAME, datetime.datetime.fromtimestamp(model.trained_at, datetime.UTC))


def _count(marks: Path) -> int:
    with marks.open("rb") as file:
        return sum(1 for _ in file) - 1  # the header


def _part(report: Report, start: float, end: float) -> Report:
    return lambda stage, share: report(stage, start + (end - start) * min(max(share, 0.0), 1.0))
