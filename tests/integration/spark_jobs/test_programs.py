"""The jobs as programs: results, progress, exit codes and signals."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyspark
import pytest

from spark_jobs.engine import write_file
from tests import oracle
from tests.conftest import ROOT
from tests.integration.spark_jobs import random_imdb

SAMPLE = ROOT / "services" / "imdb" / "sample"


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


def test_a_job_runs_under_spark_submit_as_it_does_on_a_cluster(tmp_path: Path) -> None:
    """The main file is alone and its package comes as a zip; paths are URIs, which Hadoop reads and writes."""
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("no Java on this machine, so no Spark")
    main = shutil.copy(ROOT / "spark_jobs" / "best_director.py", tmp_path)
    shutil.make_archive(str(tmp_path / "spark_jobs"), "zip", ROOT, "spark_jobs")
    ended = subprocess.run(
        [
            *(Path(pyspark.__file__).parent / "bin" / "spark-submit", "--master=local[2]", "--driver-memory=1g"),
            *("--conf", "spark.ui.enabled=false", "--py-files", tmp_path / "spark_jobs.zip", main),
            *(f"--inputs={SAMPLE.as_uri()}", f"--output={(tmp_path / 'out.json').as_uri()}", "--min-films=2"),
        ],
        cwd=tmp_path,
        env=os.environ
        | {
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1",
        },
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert progress_lines(ended.stdout)[-1] == {"stage": "done", "progress": 1.0}
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["engine"].startswith("Spark ")
    assert content["answer"]["winner"]["person"]["id"] == oracle.best_director(SAMPLE, 2, 10_000)[0].id


def test_submit_starts_spark_submit_with_settings_for_this_machine(tmp_path: Path) -> None:
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("no Java on this machine, so no Spark")
    result = tmp_path / "result.json"
    ended = submit("most_connected", f"--inputs={SAMPLE}", f"--output={result}")
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert progress_lines(ended.stdout)[-1] == {"stage": "done", "progress": 1.0}
    assert json.loads(result.read_text())["answer"]["winner"]["person"]["id"] == oracle.most_connected(SAMPLE)[0][0]


def test_submit_reports_missing_java() -> None:
    ended = submit("best_director", "--inputs=.", "--output=result.json", PATH="", JAVA_HOME="")
    assert ended.returncode == 1
    error = "Spark needs Java, and there is none on this machine"
    assert progress_lines(ended.stdout) == [{"stage": "failed", "progress": 0.0, "error": error}]


def submit(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "spark_jobs.submit", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_a_result_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_file(str(path), "old")
    with pytest.raises(UnicodeEncodeError):
        write_file(str(path), "new \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
