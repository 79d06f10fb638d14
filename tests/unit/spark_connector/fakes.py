"""Fakes of the runner, the inputs and the storage of answers."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from services.common.errors import Unavailable
from services.spark_connector.runners.job import Job, JobFailed, Report, Result
from services.spark_connector.storage.files import StoredFile
from services.spark_connector.storage.inputs import Inputs


class FakeInputs:
    """One file; the test sets its version."""

    def __init__(self) -> None:
        self.version = 1
        self.missing = ""

    async def find(self, names: Sequence[str], *, cached: bool = True) -> Inputs:
        if self.missing:
            raise Unavailable(self.missing)
        return Inputs("films", [StoredFile("title.basics.tsv", 1, self.version)])


class FakeStorage:
    """Files in memory. `delay` is the number of iterations of the event loop that writing takes."""

    location = "memory"

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.full = False
        self.delay = 0

    async def list(self, prefix: str) -> list[StoredFile]:
        return [StoredFile(name, 1, version) for version, name in enumerate(self.files) if name.startswith(prefix)]

    async def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    async def find(self, name: str) -> StoredFile | None:
        return StoredFile(name, len(self.files[name]), 1) if name in self.files else None

    async def read_part(self, file: StoredFile, offset: int, size: int) -> bytes | None:
        return self.files[file.name][offset : offset + size] if file.name in self.files else None

    async def write_file(self, name: str, source: Path) -> None:
        await self.write(name, await asyncio.to_thread(source.read_bytes), "")

    async def write(self, name: str, content: bytes, content_type: str) -> None:
        if self.full:
            raise Unavailable("no space left")
        for _ in range(self.delay):
            await asyncio.sleep(0)
        self.files[name] = content

    async def delete(self, name: str) -> None:
        del self.files[name]

    async def ping(self) -> None:
        pass


class FakeRunner:
    """A job runs until `may_end` is set. The id of the winner is the number of jobs so far."""

    name = "fake"

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.running = self.max_running = self.cancelled = 0
        self.may_end = asyncio.Event()
        self.failure: Exception | None = None
        self.result: Result | None = None

    async def run(self, job: Job, report: Report) -> Result:
        self.jobs.append(job)
        self.running += 1
        self.max_running = max(self.max_running, self.running)
        report("counting", 0.5)
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        if self.failure:
            raise self.failure
        return self.result or {"answer": {"winner": {"person": {"id": f"nm{len(self.jobs)}"}}}}

    def fail(self, message: str) -> None:
        self.failure = JobFailed(message, "details")
        self.may_end.set()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now
