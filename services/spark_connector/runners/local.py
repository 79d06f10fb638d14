"""Runners that start a child process on this machine: DuckDB, or Spark through spark-submit."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.spark_connector.runners.job import SEE_LOG, Job, JobFailed, Report, Result
from services.spark_connector.runners.job_files import PACKAGE, JobFiles
from services.spark_connector.runners.process import WorkDir, WorkDirs
from spark_jobs import submit


@dataclass(frozen=True)
class DuckDBRunner:
    """Needs no Java, and is faster than Spark on one machine. `memory` is in Spark's notation: 800m, 4g."""

    files: JobFiles
    work_dirs: WorkDirs
    memory: str
    name: str = "duckdb"

    async def run(self, job: Job, report: Report) -> Result:
        async with self.work_dirs.open(job.name) as work_dir:
            command = [
                *(sys.executable, "-m", f"{PACKAGE}.run_duckdb", f"--memory={self.memory.upper()}iB", job.name),
                *job.arguments(str(work_dir.result)),
            ]
            return await _run(work_dir, command, {"PYTHONPATH": str(self.files.folder.parent)}, job, report)


@dataclass(frozen=True)
class SparkSubmitRunner:
    """Spark with all processors of this machine."""

    files: JobFiles
    work_dirs: WorkDirs
    memory: str
    name: str = "spark-submit"

    async def run(self, job: Job, report: Report) -> Result:
        report("starting Spark", 0)
        async with self.work_dirs.open(job.name) as work_dir:
            arguments = job.arguments(str(work_dir.result))
            try:
                command = submit.spark_submit(self.files.main(job.name), arguments, self.memory)
            except submit.SparkMissing as error:
                raise JobFailed(f"{error}: install it, or set SEEN_SPARK_RUNNER=duckdb") from error
            environment = submit.environment() | {"SPARK_LOCAL_DIRS": str(work_dir.scratch)}
            return await _run(work_dir, command, environment, job, report)


async def _run(
    work_dir: WorkDir, command: Sequence[str], environment: Mapping[str, str], job: Job, report: Report
) -> Result:
    await work_dir.run(command, environment, job.inputs, report)
    return await asyncio.to_thread(_read, work_dir.result)


def _read(path: Path) -> Result:
    try:
        result: Result = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise JobFailed(SEE_LOG, f"the job wrote no result: {error}") from error
    return result
