"""Real Spark, for the tests that need it."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from spark_jobs import submit

needs_java = pytest.mark.skipif(not shutil.which("java"), reason="no Java on this machine, which Spark needs")

# Halves the start-up time; the job is too short for the second compiler to pay off.
FAST = "-XX:TieredStopAtLevel=1"


def with_spark_submit(main: Path, files: Sequence[Path], arguments: Sequence[str]) -> Sequence[str]:
    """The command with which a cluster starts a job.

    As on a cluster, the main file is alone, its package is a zip, and paths are URIs, which Hadoop reads and writes.
    """
    uris = [argument.replace("=/", "=file:///", 1) for argument in arguments]
    return [
        *(submit.program(), "--master=local[1]", "--driver-memory=1g", f"--driver-java-options={FAST}"),
        *("--conf", "spark.ui.enabled=false", "--conf", "spark.driver.bindAddress=127.0.0.1"),
        *("--conf", "spark.driver.host=127.0.0.1", "--py-files", ",".join(map(str, files))),
        *(str(main), *uris),
    ]
