"""Counts, with Spark, which items the same people have marked."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from services.spark_connector.runners.job import Job, Report, Runner
from spark_jobs import item_pairs


class PairCounter(Protocol):
    async def count(self, inputs: Path, pairs: Path, report: Report) -> None:
        """Counts the pairs in `inputs`/marks.tsv and writes them to `pairs`, as spark_jobs/item_pairs.py describes.

        Raises JobFailed; Unavailable if a storage does not answer; OSError.
        """
        ...


@dataclass(frozen=True)
class LocalPairCounter:
    """Counts with a runner on this machine."""

    runner: Runner

    async def count(self, inputs: Path, pairs: Path, report: Report) -> None:
        await self.runner.run(pairs_job(new_key(), str(inputs), str(pairs)), report)


def pairs_job(key: str, inputs: str, pairs: str) -> Job:
    return Job(item_pairs.JOB.name, inputs, (("pairs", pairs),), key)


def new_key() -> str:
    """A key for each training, because marks change all the time: no training uses the result of another."""
    return uuid.uuid4().hex
