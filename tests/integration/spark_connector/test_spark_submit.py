"""The Spark connector with spark-submit on this machine: a real job over the sample, a shutdown, and missing Java."""

from pathlib import Path

import psutil
import pytest

from tests.integration.spark_connector.connector import FakeJobs, answered, connector, failing, settings, until
from tests.integration.spark_connector.spark import FAST, needs_java


@needs_java
async def test_spark_and_duckdb_have_the_same_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", FAST)
    async with connector(settings(tmp_path, results=str(tmp_path / "duckdb"))) as client:
        duckdb = await until(client.best_director, answered)
    with_spark = settings(tmp_path, spark_runner="spark-submit", job_memory="1g")
    async with connector(with_spark) as client:
        spark = await until(client.best_director, answered, seconds=300)
    assert spark.answer == duckdb.answer
    assert [path.name for path in (tmp_path / "results" / "jobs" / "best_director").iterdir()] == ["job.log"]


@needs_java
async def test_a_shutdown_ends_all_processes_of_spark(tmp_path: Path) -> None:
    fake_jobs = FakeJobs.create(tmp_path)
    fake_jobs.pause()
    with_spark = settings(tmp_path, spark_runner="spark-submit", spark_jobs=fake_jobs.programs, job_memory="1g")
    async with connector(with_spark) as client:
        await until(client.most_connected, lambda response: fake_jobs.started, seconds=300)
        (driver,) = fake_jobs.started
        java = psutil.Process(driver).ppid()
        assert "java" in psutil.Process(java).name()
    assert not psutil.pid_exists(driver)
    assert not psutil.pid_exists(java)


async def test_missing_java_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    async with connector(settings(tmp_path, spark_runner="spark-submit")) as client:
        error = await failing(client.best_director)
    assert error.message.startswith("Spark needs Java, and there is none on this machine")
