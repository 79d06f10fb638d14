"""Which trainings have their pairs counted by a job."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from services.spark_connector.computations.computation import Backoff
from services.spark_connector.runners.job import JobFailed, Report
from services.spark_connector.runners.process import WorkDir, WorkDirs
from services.spark_connector.training.collector import Collected
from services.spark_connector.training.model_store import ModelStore
from services.spark_connector.training.trainer import Trainer
from tests.unit.spark_connector.fakes import FakeStorage


class EightMarks:
    """A collector."""

    async def collect(self, folder: Path, report: Report) -> Collected:
        (folder / "marks.tsv").write_text("person\n" + "1\n" * 8)
        return Collected(8, [])


class Counter:
    async def count(self, inputs: Path, pairs: Path, report: Report) -> None: ...


class Program:
    """A training program that only records whether its pairs have been counted."""

    def __init__(self) -> None:
        self.has_pairs: bool | None = None

    async def run(self, work_dir: WorkDir, inputs: Path, pairs: Path | None, report: Report) -> Path:
        self.has_pairs = pairs is not None
        raise JobFailed("no model")


@pytest.mark.parametrize(
    ("counter", "counter_from", "has_pairs"), [(Counter(), 8, True), (Counter(), 9, False), (None, 0, False)]
)
async def test_a_job_counts_the_pairs_of_enough_marks(
    tmp_path: Path, counter: Counter | None, counter_from: int, has_pairs: bool
) -> None:
    program, store = Program(), ModelStore(FakeStorage())
    collector = cast(Any, EightMarks())
    work_dirs = WorkDirs(tmp_path, time_limit_s=60)
    trainer = Trainer(store, collector, cast(Any, program), work_dirs, 0, Backoff(30, 100), counter, counter_from)
    async with trainer.running():
        await trainer.get(train=True)
        async with asyncio.timeout(60):
            while (status := await trainer.get()).running:
                await asyncio.sleep(0.01)
    assert (program.has_pairs, status.failure) == (has_pairs, "no model")
