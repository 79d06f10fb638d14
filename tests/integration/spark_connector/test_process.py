"""The Spark connector as a process: start, stop and kill."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services.common import clients
from services.spark_connector.settings import ROOT
from tests.integration.spark_connector.connector import LIMIT_S, SAMPLE, Client, FakeJobs, connect, until


class Process:
    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.log = folder / "connector.log"
        self.environment = {
            "SEEN_PORT": "0",
            "SEEN_METRICS_PORT": "0",
            "SEEN_IMDB_FILES": str(SAMPLE),
            "SEEN_RESULTS": str(folder / "results"),
            "SEEN_ACCOUNT_ADDRESS": "127.0.0.1:1",  # nothing listens there
            "SEEN_CATALOG_ADDRESSES": "BOOK=127.0.0.1:1",
        } | environment
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEEN_")}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.spark_connector"],
                cwd=ROOT,
                env=inherited | self.environment,
                stderr=output,
            )

    async def port(self) -> int:
        async def listening() -> int:
            lines = [line for line in self.log.read_text().splitlines() if '"listening"' in line]
            return int(lines[0].partition('"port": ')[2].partition(",")[0].rstrip("}")) if lines else 0

        port: int = await until(listening, bool)
        return port

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def fake_jobs(tmp_path: Path) -> FakeJobs:
    jobs = FakeJobs.create(tmp_path)
    jobs.pause()
    return jobs


@pytest.fixture
def process(fake_jobs: FakeJobs, tmp_path: Path) -> Iterator[Process]:
    started = Process(tmp_path, SEEN_SPARK_JOBS=str(fake_jobs.programs))
    yield started
    started.kill()


async def started_job(process: Process, fake_jobs: FakeJobs) -> int:
    async with connect(await process.port()) as channel:
        await until(Client(channel).best_director, lambda response: response.computation.progress > 0)
    (pid,) = fake_jobs.started
    assert psutil.pid_exists(pid)
    return pid


async def until_gone(pid: int) -> None:
    async def gone() -> bool:
        return not psutil.pid_exists(pid)

    await until(gone, bool)


async def test_it_serves_before_anything_is_computed(process: Process) -> None:
    async with connect(await process.port()) as channel:
        await until(lambda: clients.is_serving(channel, timeout_s=5), bool)


async def test_sigterm_ends_it_and_its_running_job(process: Process, fake_jobs: FakeJobs) -> None:
    pid = await started_job(process, fake_jobs)
    process.process.terminate()
    assert await asyncio.to_thread(process.process.wait, LIMIT_S) == 0
    assert not psutil.pid_exists(pid)


async def test_after_a_kill_no_process_is_left(process: Process, fake_jobs: FakeJobs) -> None:
    pid = await started_job(process, fake_jobs)
    guard = psutil.Process(pid).ppid()
    process.process.send_signal(signal.SIGKILL)
    await until_gone(pid)
    await until_gone(guard)


def test_without_a_bucket_none_of_googles_libraries_is_loaded() -> None:
    program = """
import asyncio, sys
from services.spark_connector.service import build
from services.spark_connector.settings import SparkSettings
async def main():
    required = {"imdb_files": "f", "results": "r", "account_address": "a:1", "catalog_addresses": "BOOK=b:1"}
    async with build(SparkSettings(port=0, metrics_port=0, **required)):
        pass
asyncio.run(main())
assert not [name for name in sys.modules if name.startswith(("google.cloud", "google.api_core", "google.auth"))]
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
