"""Ten-line stand-ins for where jobs run, what they read, and where answers are kept."""

import asyncio
from collections.abc import Sequence

from services.common.errors import Unavailable
from services.spark_connector.inputs import InputFile, Inputs
from services.spark_connector.records import Record
from services.spark_connector.runners import Answer, Job, JobFailed, Report


class Films:
    """The inputs: one file, of the version that the test says."""

    def __init__(self) -> None:
        self.version = 1
        self.missing = ""

    async def look(self, names: Sequence[str], *, anew: bool = False) -> Inputs:
        if self.missing:
            raise Unavailable(self.missing)
        return Inputs("films", [InputFile("title.basics.tsv", 1, self.version)])


class Shelf:
    """Kept answers, in memory."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.full = False
        self.slow = 0
        self.forgotten: list[tuple[str, Sequence[str], int]] = []

    async def load(self, name: str) -> Record | None:
        return self.records.get(name)

    async def save(self, name: str, record: Record) -> None:
        if self.full:
            raise Unavailable("no space left")
        for _ in range(self.slow):
            await asyncio.sleep(0)
        self.records[name] = record

    async def forget(self, prefix: str, keep: Sequence[str], most: int) -> None:
        self.forgotten.append((prefix, keep, most))

    async def ping(self) -> None:
        pass


class Machine:
    """Runs a job until the test lets it end; then the winner's id is the number of jobs so far."""

    name = "machine"

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.at_once = self.most_at_once = self.cancelled = 0
        self.may_end = asyncio.Event()
        self.failure: Exception | None = None
        self.result: Answer | None = None

    async def run(self, job: Job, report: Report) -> Answer:
        self.jobs.append(job)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        report("counting", 0.5)
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1
        if self.failure:
            raise self.failure
        winner = {"person": {"id": f"nm{len(self.jobs)}"}}
        return self.result or {"winner": winner, "leftOut": {"unreadableLines": 0, "peopleWithoutName": []}}

    def fails(self, message: str) -> None:
        self.failure = JobFailed(message, "a long story")
        self.may_end.set()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now
