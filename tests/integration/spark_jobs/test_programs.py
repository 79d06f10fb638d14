"""The jobs as programs: results, progress, exit codes and signals."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.engine import write_file
from tests import oracle
from tests.conftest import ROOT
from tests.integration.spark_jobs import random_imdb
from tests.integration.spark_jobs.conftest import SAMPLE


def run_duckdb(tmp_path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "spark_jobs.run_duckdb", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def progress_lines(output: str) -> list[Any]:
    return [json.loads(line) for line in output.splitlines()]


def test_run_duckdb_reports_progress_and_writes_one_result(tmp_path: Path) -> None:
    result = tmp_path / "results" / "best_director.json"
    ended = run_duckdb(
        tmp_path, "--memory=1GB", "--threads=1", "best_director", f"--inputs={SAMPLE}", f"--output={result}"
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    progress = progress_lines(ended.stdout)
    assert progress[0] == {"stage": "reading the ratings", "progress": 0.0}
    assert progress[-1] == {"stage": "done", "progress": 1.0}
    values = [line["progress"] for line in progress]
    assert values == sorted(values)
    content = json.loads(result.read_text())
    assert content["answer"]["winner"]["person"]["id"] == oracle.best_director(SAMPLE, 10, 10_000)[0].id
    assert content["parameters"] == {"runners_up": 9, "min_films": 10, "min_votes": 10_000}
    assert [path.name for path in result.parent.iterdir()] == ["best_director.json"]


def test_a_failure_is_reported_in_a_sentence_and_leaves_the_old_result(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    result.write_text("the old one")
    ended = run_duckdb(tmp_path, "most_connected", f"--inputs={tmp_path}", f"--output={result}")
    assert ended.returncode == 1
    assert progress_lines(ended.stdout) == [
        {
            "stage": "failed",
            "progress": 0.0,
            "error": "there is no title.principals.tsv, title.principals.tsv.gz or title.principals.parquet "
            f"in {tmp_path}",
        }
    ]
    assert result.read_text() == "the old one"


def test_a_terminated_job_removes_its_scratch_files(tmp_path: Path) -> None:
    """The input is a pipe without a writer, so the job is still reading when it gets SIGTERM."""
    imdb = random_imdb.write(tmp_path / "imdb", {})
    (imdb / "title.principals.tsv").unlink()
    os.mkfifo(imdb / "title.principals.tsv")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    job = subprocess.Popen(
        [sys.executable, "-m", "spark_jobs.run_duckdb", "most_connected", f"--inputs={imdb}", "--output=/dev/null"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
    )
    assert job.stdout
    assert b"reading the credits" in job.stdout.readline()
    job.send_signal(signal.SIGTERM)
    assert job.wait(timeout=20) == 128 + signal.SIGTERM
    assert list(scratch.iterdir()) == []


# tests/integration/spark_connector runs jobs under spark-submit; tests/end_to_end runs README.md's spark_jobs.submit.


def test_submit_reports_missing_java() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "spark_jobs.submit", "best_director", "--inputs=.", "--output=result.json"],
        cwd=ROOT,
        env=os.environ | {"PATH": "", "JAVA_HOME": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    error = "Spark needs Java, and there is none on this machine"
    assert progress_lines(ended.stdout) == [{"stage": "failed", "progress": 0.0, "error": error}]


def test_a_result_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_file(str(path), "old")
    with pytest.raises(UnicodeEncodeError):
        write_file(str(path), "new \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
