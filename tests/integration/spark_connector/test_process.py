"""The connector as a process of its own: how it starts, stops, and dies."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common import clients
from services.spark_connector.settings import ROOT
from tests.integration.spark_connector.connector import SAMPLE, Client, StandIn, until


class Process:
    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.log = folder / "connector.log"
        self.environment = {
            "SEEN_PORT": "0",
            "SEEN_METRICS_PORT": "0",
            "SEEN_IMDB_FILES": str(SAMPLE),
            "SEEN_RESULTS": str(folder / "results"),
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
def stand_in(tmp_path: Path) -> StandIn:
    made = StandIn.in_folder(tmp_path)
    made.wait()
    return made


@pytest.fixture
def process(stand_in: StandIn, tmp_path: Path) -> Iterator[Process]:
    started = Process(tmp_path, SEEN_SPARK_JOBS=str(stand_in.jobs))
    yield started
    started.kill()


async def started_job(process: Process, stand_in: StandIn) -> int:
    async with clients.connect(f"127.0.0.1:{await process.port()}") as channel:
        await until(Client(channel).best_director, lambda response: response.computation.progress > 0)
    (pid,) = stand_in.started
    assert psutil.pid_exists(pid)
    return pid


async def until_gone(pid: int) -> None:
    async def gone() -> bool:
        return not psutil.pid_exists(pid)

    await until(gone, bool, 10)


async def test_it_is_serving_without_having_computed_anything(process: Process) -> None:
    async with clients.connect(f"127.0.0.1:{await process.port()}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        await until(lambda: health.Check(health_pb2.HealthCheckRequest(), timeout=5), lambda reply: reply.status == 1)


async def test_told_to_stop_in_the_middle_of_a_job_it_ends_both_soon(process: Process, stand_in: StandIn) -> None:
    pid = await started_job(process, stand_in)
    process.process.terminate()
    assert await asyncio.to_thread(process.process.wait, 6) == 0
    assert not psutil.pid_exists(pid)


async def test_killed_it_leaves_no_process(process: Process, stand_in: StandIn) -> None:
    pid = await started_job(process, stand_in)
    guard = psutil.Process(pid).ppid()
    process.process.send_signal(signal.SIGKILL)
    await until_gone(pid)
    await until_gone(guard)


def test_on_one_machine_none_of_googles_libraries_are_loaded() -> None:
    program = """
import sys
from services.spark_connector import __main__, parts
from services.spark_connector.settings import SparkSettings
settings = SparkSettings(port=0, metrics_port=0, imdb_files="f", results="r")
parts.runner(settings, __main__.Program(settings.spark_jobs)), parts.records(settings), parts.source(settings)
assert not [name for name in sys.modules if name.startswith(("google.cloud", "google.api_core", "google.auth"))]
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SEEN_RESULTS": ""}, "SEEN_RESULTS"),
        ({"SEEN_IMDB_FILES": "gs://bucket"}, "SEEN_IMDB_FILES"),
        ({"SEEN_SPARK_RUNNER": "dataproc", "SEEN_IMDB_FILES": "gs://bucket"}, "SEEN_DATAPROC_CLUSTER"),
        ({"SEEN_SPARK_RUNNER": "abacus"}, "SEEN_SPARK_RUNNER"),
        ({"SEEN_JOB_MEMORY": "lots"}, "SEEN_JOB_MEMORY"),
    ],
)
def test_a_wrong_setting_stops_it_by_name(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    process = Process(tmp_path, **changed)
    assert process.process.wait(20) == 2
    assert said in process.log.read_text()
