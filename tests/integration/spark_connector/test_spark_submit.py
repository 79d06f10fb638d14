"""The connector with Spark on this machine: the real jobs over the sample, and machines that lack something."""

from pathlib import Path

import grpc
import psutil
import pytest

from services.common.errors import user_message
from tests.integration.spark_connector.connector import StandIn, answered, connector, failing, settings, until
from tests.integration.spark_connector.spark import FAST, needs_java


@needs_java
async def test_spark_answers_as_the_embedded_engine_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", FAST)
    async with connector(settings(tmp_path, results=str(tmp_path / "one"))) as client:
        embedded = await until(client.most_connected, answered)
    asked = settings(tmp_path, spark_runner="local", job_memory="1g")
    async with connector(asked) as client:
        spark = await until(client.most_connected, answered, seconds=90)
    assert spark.answer == embedded.answer
    assert [path.name for path in (tmp_path / "results" / "jobs" / "most_connected").iterdir()] == ["job.log"]


@needs_java
async def test_a_shutdown_in_the_middle_leaves_no_process_of_spark(tmp_path: Path) -> None:
    stand_in = StandIn.in_folder(tmp_path)
    stand_in.wait()
    asked = settings(tmp_path, spark_runner="local", spark_jobs=stand_in.jobs, job_memory="1g")
    async with connector(asked) as client:
        await until(client.most_connected, lambda response: stand_in.started, seconds=60)
        (driver,) = stand_in.started
        java = psutil.Process(driver).ppid()
        assert "java" in psutil.Process(java).name()
    assert not psutil.pid_exists(driver)
    assert not psutil.pid_exists(java)


async def test_without_java_it_is_unavailable_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    async with connector(settings(tmp_path, spark_runner="local")) as client:
        error = await failing(client.best_director)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert user_message(error).startswith("Spark needs Java, and there is none on this machine")
