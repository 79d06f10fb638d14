"""The Spark connector as a real gRPC server on a free port, and fake jobs for it."""

import asyncio
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from seen.v1 import spark_pb2, spark_pb2_grpc
from seen.v1.spark_pb2 import GetBestDirectorResponse, GetModelResponse, GetMostConnectedResponse, ReadModelResponse
from services.common import clients
from services.common.errors import Unavailable
from services.common.server import GrpcServer
from services.spark_connector.computations.scheduler import Scheduler
from services.spark_connector.service import build, training
from services.spark_connector.servicer import SparkServicer
from services.spark_connector.settings import ROOT, SparkSettings
from services.spark_connector.training.pairs import PairCounter
from services.taste import model_file
from services.taste.model import Model

SPARK = spark_pb2.DESCRIPTOR.services_by_name["Spark"]
SAMPLE = ROOT / "services" / "imdb" / "sample"
NOWHERE = "127.0.0.1:1"  # nothing listens there
# Long enough for a machine that runs other tests at the same time.
CALL_TIMEOUT_S, LIMIT_S = 30, 60

# Reports progress like a real job, and waits while the file `wait` exists. If the file `fail` exists, it fails with its
# text. Otherwise item_pairs counts with DuckDB, and the answer of other jobs is the number of jobs so far.
_FAKE_JOB = """
    import json, os, sys, time
    from pathlib import Path

    control = Path({control!r})
    output = next(argument.partition("=")[2] for argument in sys.argv if argument.startswith("--output="))
    with (control / "started").open("a") as file:
        file.write(f"{{os.getpid()}}\\n")
    print("not for users", file=sys.stderr)
    print(json.dumps({{"stage": "counting", "progress": 0.25}}), flush=True)
    while (control / "wait").exists():
        time.sleep(0.02)
    if (control / "fail").exists():
        error = (control / "fail").read_text()
        print(json.dumps({{"stage": "failed", "progress": 0.25, "error": error}}), flush=True)
        sys.exit("the end of the job's log")
    if Path(sys.argv[0]).stem == "item_pairs":
        sys.path[0] = {root!r}
        from spark_jobs import run_duckdb
        run_duckdb.main(["--memory=200MB", "item_pairs", *sys.argv[1:]])
        sys.exit()
    number = len((control / "started").read_text().split())
    result = {{"answer": {{"winner": {{"person": {{"id": f"nm{{number}}"}}}}}}}}
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text(json.dumps(result))
"""


@dataclass(frozen=True)
class FakeJobs:
    """Programs in place of those of spark_jobs. Files in `folder` control them."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> "FakeJobs":
        (folder / "spark_jobs").mkdir()
        program = textwrap.dedent(_FAKE_JOB).format(control=str(folder), root=str(ROOT))
        for name in ("run_duckdb", "best_director", "most_connected", "item_pairs"):
            (folder / "spark_jobs" / f"{name}.py").write_text(program)
        return cls(folder)

    @property
    def programs(self) -> Path:
        return self.folder / "spark_jobs"

    def pause(self) -> None:
        (self.folder / "wait").touch()

    def resume(self) -> None:
        (self.folder / "wait").unlink()

    def fail(self, error: str) -> None:
        (self.folder / "fail").write_text(error)

    def succeed(self) -> None:
        (self.folder / "fail").unlink()

    @property
    def started(self) -> list[int]:
        """The process ids of all jobs so far."""
        file = self.folder / "started"
        return [int(pid) for pid in file.read_text().split()] if file.exists() else []


class Client:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = spark_pb2_grpc.SparkStub(channel)

    async def best_director(self, **request: Any) -> GetBestDirectorResponse:
        return await self._stub.GetBestDirector(spark_pb2.GetBestDirectorRequest(**request), timeout=CALL_TIMEOUT_S)

    async def most_connected(self, **request: Any) -> GetMostConnectedResponse:
        return await self._stub.GetMostConnected(spark_pb2.GetMostConnectedRequest(**request), timeout=CALL_TIMEOUT_S)

    async def model(self, *, train: bool = False) -> GetModelResponse:
        return await self._stub.GetModel(spark_pb2.GetModelRequest(train=train), timeout=CALL_TIMEOUT_S)

    async def read_model(self, version: str = "", offset: int = 0) -> ReadModelResponse:
        return await self._stub.ReadModel(
            spark_pb2.ReadModelRequest(version=version, offset=offset), timeout=CALL_TIMEOUT_S
        )

    async def trained(self, seconds: float = 120) -> GetModelResponse:
        """Starts a training and waits for its end."""
        await self.model(train=True)
        ended: GetModelResponse = await until(self.model, lambda response: not response.computation.running, seconds)
        return ended

    async def whole_model(self) -> Model:
        part = await self.read_model()
        content = part.data
        while len(content) < part.size:
            part = await self.read_model(part.version, len(content))
            content += part.data
        return model_file.from_bytes(content)


def settings(folder: Path, **changes: Any) -> SparkSettings:
    """Settings with the sample as input and all data in the folder."""
    ports = {"port": 0, "metrics_port": 0, "training_spark_from": 0}
    folders = {"imdb_files": str(SAMPLE), "results": str(folder / "results")}
    addresses = {"account_address": NOWHERE, "catalog_addresses": f"BOOK={NOWHERE}"}
    return SparkSettings(**{**ports, **folders, **addresses, **changes})


@asynccontextmanager
async def connector(settings: SparkSettings) -> AsyncIterator[Client]:
    async with build(settings) as server, _client(server) as client:
        yield client


@asynccontextmanager
async def connector_with(scheduler: Scheduler, counter: PairCounter, settings: SparkSettings) -> AsyncIterator[Client]:
    add = spark_pb2_grpc.add_SparkServicer_to_server

    async def ping() -> None: ...

    async with (
        scheduler.running(),
        training(settings, counter) as (trainer, models),
        _client(GrpcServer(settings, SPARK, add, SparkServicer(scheduler, trainer, models), ping)) as client,
    ):
        yield client


@asynccontextmanager
async def _client(server: GrpcServer) -> AsyncIterator[Client]:
    async with server.running() as port, connect(port) as channel:
        yield Client(channel)


def connect(port: int) -> grpc.aio.Channel:
    return clients.connect(f"127.0.0.1:{port}", SPARK)


Call = Callable[[], Awaitable[Any]]


async def until(call: Call, condition: Callable[[Any], object], seconds: float = LIMIT_S) -> Any:
    """Repeats a call until its result meets the condition; returns the result."""
    result = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                result = await call()
                if condition(result):
                    return result
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"the condition is not met after {seconds} s: {result}") from None


def answered(response: Any) -> bool:
    """There is an answer, and no computation is running."""
    return response.HasField("answer") and not response.computation.running


async def failing(call: Call, seconds: float = LIMIT_S) -> Unavailable:
    """Repeats a call until it raises Unavailable; returns the error."""
    error: Unavailable | None = None

    async def fails() -> bool:
        nonlocal error
        try:
            await call()
        except Unavailable as raised:
            error = raised
        return error is not None

    await until(fails, bool, seconds)
    assert error is not None
    return error
