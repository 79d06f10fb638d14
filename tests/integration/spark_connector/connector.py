"""The connector as its callers see it: a real gRPC server on a free port, made from settings; and jobs to try it."""

import asyncio
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from seen.v1 import spark_pb2, spark_pb2_grpc
from seen.v1.spark_pb2 import GetBestDirectorResponse, GetMostConnectedResponse
from services.common import clients
from services.common.server import GrpcService
from services.spark_connector.service import build
from services.spark_connector.answers import Answers
from services.spark_connector.servicer import SparkServicer
from services.spark_connector.settings import ROOT, SparkSettings

SAMPLE = ROOT / "services" / "imdb" / "sample"

# Talks like a real job, and does as the test says: waits while the file `wait` is there, fails with the text in `fail`.
_STAND_IN = """
    import json, os, sys, time
    from pathlib import Path

    control = Path({control!r})
    output = next(argument.partition("=")[2] for argument in sys.argv if argument.startswith("--output="))
    with (control / "started").open("a") as file:
        file.write(f"{{os.getpid()}}\\n")
    print("not for you", file=sys.stderr)
    print(json.dumps({{"stage": "counting", "share": 0.25}}), flush=True)
    while (control / "wait").exists():
        time.sleep(0.02)
    if (control / "fail").exists():
        error = (control / "fail").read_text()
        print(json.dumps({{"stage": "failed", "share": 0.25, "error": error}}), flush=True)
        sys.exit("the end of the job's log")
    number = len((control / "started").read_text().split())
    nobody = f"nm{{number}}"
    result = {{"winner": {{"person": {{"id": nobody}}}}, "leftOut": {{"peopleWithoutName": [nobody]}}}}
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text(json.dumps(result))
"""


@dataclass(frozen=True)
class StandIn:
    """Jobs that do as the test says."""

    folder: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "StandIn":
        (folder / "spark_jobs").mkdir()
        program = textwrap.dedent(_STAND_IN).format(control=str(folder))
        for name in ("embedded", "best_director", "most_connected"):
            (folder / "spark_jobs" / f"{name}.py").write_text(program)
        return cls(folder)

    @property
    def jobs(self) -> Path:
        return self.folder / "spark_jobs"

    def wait(self) -> None:
        (self.folder / "wait").touch()

    def go_on(self) -> None:
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
        return await self._stub.GetBestDirector(spark_pb2.GetBestDirectorRequest(**request), timeout=5)

    async def most_connected(self, **request: Any) -> GetMostConnectedResponse:
        return await self._stub.GetMostConnected(spark_pb2.GetMostConnectedRequest(**request), timeout=5)


def settings(folder: Path, **changed: Any) -> SparkSettings:
    """Everything of the connector in the folder, over the sample."""
    ports = {"port": 0, "metrics_port": 0}
    folders = {"imdb_files": str(SAMPLE), "results": str(folder / "results")}
    return SparkSettings(**{**ports, **folders, **changed})


@asynccontextmanager
async def connector(asked: SparkSettings) -> AsyncIterator[Client]:
    async with build(asked) as service, _client(service) as client:
        yield client


@asynccontextmanager
async def connector_of(answers: Answers, asked: SparkSettings) -> AsyncIterator[Client]:
    """With parts that the test has made itself."""
    add = spark_pb2_grpc.add_SparkServicer_to_server

    async def ping() -> None: ...

    async with answers.running():
        service = GrpcService(asked, "seen.v1.Spark", add, SparkServicer(answers), ping)
        async with _client(service) as client:
            yield client


@asynccontextmanager
async def _client(service: GrpcService) -> AsyncIterator[Client]:
    async with service.running() as port, clients.connect(f"127.0.0.1:{port}") as channel:
        yield Client(channel)


Call = Callable[[], Awaitable[Any]]


async def until(call: Call, holds: Callable[[Any], object], seconds: float = 30) -> Any:
    """Asks again and again until what comes is as wished; returns it."""
    answered = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                answered = await call()
                if holds(answered):
                    return answered
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"still not so after {seconds} s: {answered}") from None


def answered(response: Any) -> bool:
    """There is an answer, and nothing runs any more."""
    return response.HasField("answer") and not response.computation.running


async def failing(call: Call, seconds: float = 20) -> grpc.aio.AioRpcError:
    """Asks until there is an error; returns it."""
    error: grpc.aio.AioRpcError | None = None

    async def fails() -> bool:
        nonlocal error
        try:
            await call()
        except grpc.aio.AioRpcError as raised:
            error = raised
        return error is not None

    await until(fails, bool, seconds)
    assert error is not None
    return error
