"""One Spark session for all tests here. Without Java, the tests with Spark are skipped."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from pyspark.sql import SparkSession

from spark_jobs import job
from spark_jobs.duckdb_engine import DuckDBEngine
from spark_jobs.engine import Engine
from spark_jobs.run_duckdb import JOBS
from spark_jobs.spark_engine import SparkEngine
from spark_jobs.views import find_files
from tests.conftest import ROOT

SAMPLE = ROOT / "services" / "imdb" / "sample"


class RunJob(Protocol):
    """Runs a job over the files of a folder and returns its result."""

    def __call__(self, name: str, folder: Path, *arguments: str) -> Any: ...


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("no Java on this machine, so no Spark; the same is tested with DuckDB")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "1g")
        # Each query runs once, so the second compiler would cost more time than it saves.
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    yield spark
    spark.stop()


@contextmanager
def in_session(spark: SparkSession) -> Iterator[SparkEngine]:
    yield SparkEngine(spark)
    spark.catalog.clearCache()


Start = Callable[[], AbstractContextManager[Engine]]


@pytest.fixture(params=["duckdb", "spark"])
def start(request: pytest.FixtureRequest) -> Start:
    """Starts each engine."""
    if request.param == "duckdb":
        return DuckDBEngine.start
    spark = request.getfixturevalue("spark")
    return lambda: in_session(spark)


@pytest.fixture
def run_job(start: Start, tmp_path: Path) -> RunJob:
    """Runs jobs in this process, with each engine. For tests of what the engines do differently."""
    return _runner(tmp_path, start)


@pytest.fixture
def run_duckdb_job(tmp_path: Path) -> RunJob:
    """Runs jobs with DuckDB, for tests of SQL statements. They are the same for Spark, which takes seconds."""
    return _runner(tmp_path, DuckDBEngine.start)


@pytest.fixture
def run_spark_job(tmp_path: Path, spark: SparkSession) -> RunJob:
    return _runner(tmp_path, lambda: in_session(spark))


def _runner(tmp_path: Path, start: Start) -> RunJob:
    def run(name: str, folder: Path, *arguments: str) -> Any:
        output = tmp_path / "result.json"
        parser = argparse.ArgumentParser()
        JOBS[name].add_arguments(parser)
        job.run(JOBS[name], parser.parse_args([f"--inputs={folder}", f"--output={output}", *arguments]), start())
        return json.loads(output.read_text())

    return run


def open_files(engine: Engine, folder: str, views: Iterable[str]) -> Engine:
    """The engine with views over the files of a folder."""
    engine.create_views(find_files(folder, views, engine.exists))
    return engine
