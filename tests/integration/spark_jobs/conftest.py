"""One Spark session for all tests here. Without Java only DuckDB is tested, and that is said."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from pyspark.sql import SparkSession

from spark_jobs import best_director, most_connected, run
from spark_jobs.duckdb_reader import DuckDBEngine, exists
from spark_jobs.engine import Engine
from spark_jobs.spark_reader import SparkEngine

JOBS = {job.name: job for job in (best_director.JOB, most_connected.JOB)}


class Ask(Protocol):
    """Runs a job on the five files of a folder; returns its result."""

    def __call__(self, job: str, folder: Path, *arguments: str) -> Any: ...


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
        # Every query is new and runs once: the second compiler would only be in the way.
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    yield spark
    spark.stop()


@contextmanager
def on(engine: str, request: pytest.FixtureRequest, paths: dict[str, str]) -> Iterator[Engine]:
    if engine == "duckdb":
        with DuckDBEngine.open(paths) as duckdb:
            yield duckdb
    else:
        with SparkEngine.open(request.getfixturevalue("spark"), paths) as spark:
            yield spark


@pytest.fixture(params=["duckdb", "spark"])
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Ask:
    """A job's main on either engine, but for the process it runs in."""
    return asker(request.param, request, tmp_path)


@pytest.fixture
def ask_duckdb(request: pytest.FixtureRequest, tmp_path: Path) -> Ask:
    """The same where one engine will do, for the statements are the same and Spark takes seconds to run them."""
    return asker("duckdb", request, tmp_path)


def asker(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Ask:
    if engine == "spark":
        request.getfixturevalue("spark")

    def ask(job: str, folder: Path, *arguments: str) -> Any:
        output = tmp_path / "result.json"
        parser = argparse.ArgumentParser()
        JOBS[job].add_all_arguments(parser)
        options = parser.parse_args([f"--inputs={folder}", f"--output={output}", *arguments])
        run.run(JOBS[job], options, lambda paths: on(engine, request, dict(paths)), exists, run.write_file)
        return json.loads(output.read_text())

    return ask
