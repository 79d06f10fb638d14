"""One Spark session for all tests here. Without Java, the tests with Spark are skipped."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from pyspark.sql import SparkSession

from spark_jobs import best_director, item_pairs, job, most_connected
from spark_jobs.duckdb_engine import DuckDBEngine
from spark_jobs.engine import Engine
from spark_jobs.spark_engine import SparkEngine
from spark_jobs.views import find_files

JOBS = {question.name: question for question in (best_director.JOB, most_connected.JOB, item_pairs.JOB)}


class RunJob(Protocol):
    """Runs a job over the five files of a folder and returns its result."""

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
        # Each query runs once, so the second compiler would not pay for itself.
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


@pytest.fixture(params=["duckdb", "spark"])
def run_job(request: pytest.FixtureRequest, tmp_path: Path) -> RunJob:
    """A job's main with either engine, in this process."""
    if request.param == "duckdb":
        return _runner(tmp_path, DuckDBEngine.start)
    spark = request.getfixturevalue("spark")
    return _runner(tmp_path, lambda: in_session(spark))


@pytest.fixture
def run_duckdb_job(tmp_path: Path) -> RunJob:
    """The same with DuckDB alone: the statements are the same, and Spark takes seconds."""
    return _runner(tmp_path, DuckDBEngine.start)


def _runner(tmp_path: Path, start: Callable[[], Any]) -> RunJob:
    def run(name: str, folder: Path, *arguments: str) -> Any:
        output = tmp_path / "result.json"
        parser = argparse.ArgumentParser()
        JOBS[name].add_arguments(parser)
        job.run(JOBS[name], parser.parse_args([f"--inputs={folder}", f"--output={output}", *arguments]), start())
        return json.loads(output.read_text())

    return run


def open_files(engine: Engine, folder: str, views: tuple[str, ...]) -> Engine:
    """The engine with views over the .tsv files of a folder."""
    engine.create_views(find_files(folder, views, engine.exists))
    return engine
