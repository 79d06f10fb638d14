"""Spark on this machine: spark-submit as a child process, with all of its processors."""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from services.spark_connector.runners import Answer, Job, JobFailed, Report
from services.spark_connector.runners.child import Bench
from services.spark_connector.runners.local import run_here
from services.spark_connector.runners.program import Program, arguments

LOOPBACK = "127.0.0.1"
# Nobody looks at a job's own web page, and it listens on nothing that others reach.
CONF = (
    "spark.ui.enabled=false",
    f"spark.driver.host={LOOPBACK}",
    f"spark.driver.bindAddress={LOOPBACK}",
    "spark.log.level=WARN",
)


class SparkSubmitRunner:
    name = "local"

    def __init__(self, program: Program, bench: Bench, memory: str) -> None:
        self._program = program
        self._bench = bench
        self._memory = memory

    async def run(self, job: Job, report: Report) -> Answer:
        submit = spark_submit()
        _check_java()
        report("starting Spark", 0)
        async with self._bench.place(job.asked.question.name) as place:
            output = place.scratch / "result.json"
            command = [
                *(submit, "--master=local[*]", f"--driver-memory={self._memory}"),
                *(part for setting in CONF for part in ("--conf", setting)),
                *("--conf", f"spark.local.dir={place.scratch}"),
                *(str(self._program.main(job.asked.question.name)), *arguments(job, str(output))),
            ]
            environment = os.environ | {
                "TMPDIR": str(place.scratch),
                # Else workers take the first python3 on the PATH, with other packages or none.
                "PYSPARK_PYTHON": sys.executable,
                "PYSPARK_DRIVER_PYTHON": sys.executable,
                "SPARK_LOCAL_IP": LOOPBACK,
            }
            return await run_here(place, command, environment, job, output, report)


def spark_submit() -> str:
    """The program: of SPARK_HOME, of the PATH, or of PySpark's package, which brings all of Spark."""
    if home := os.environ.get("SPARK_HOME"):
        return str(Path(home, "bin", "spark-submit"))
    if found := shutil.which("spark-submit"):
        return found
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise JobFailed("Spark is not installed on this machine: SEEN_SPARK_RUNNER=embedded does without")
    return str(Path(spec.origin).parent / "bin" / "spark-submit")


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if not (shutil.which("java", path=str(Path(home, "bin"))) if home else shutil.which("java")):
        raise JobFailed(
            "Spark needs Java, and there is none on this machine: install Java 17, or set SEEN_SPARK_RUNNER=embedded"
        )
