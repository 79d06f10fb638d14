"""Runners on this machine: DuckDB, and Spark through spark-submit, each as a child process."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.spark_connector.runners.job import SEE_LOG, Job, JobFailed, ProgressEvent, Report, Result
from services.spark_connector.runners.job_files import PACKAGE, JobFiles
from services.spark_connector.runners.process import WorkDir, WorkDirs
from spark_jobs import submit


@dataclass(frozen=True)
class DuckDBRunner:
    """Needs no Java, and is faster than Spark on one machine. `memory` as Spark writes it: 800m, 4g."""

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
    work_dir: WorkDir, command: Sequence[str], environment: dict[str, str], job: Job, report: Report
) -> Result:
    error = ""

    def read_line(line: str) -> None:
        nonlocal error
        if event := ProgressEvent.parse(line):
            error = event.error
            report(event.stage, event.progress)

    try:
        await work_dir.run(command, os.environ | {"TMPDIR": str(work_dir.scratch)} | environment, read_line)
    except JobFailed as failed:
        message = job.user_message(error) or failed.message
        raise JobFailed(message, f"{error}; {failed.detail}" if error else failed.detail) from None
    return await asyncio.to_thread(_read, work_dir.result)


def _read(path: Path) -> Result:
    try:
        result: Result = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise JobFailed(SEE_LOG, f"the job wrote no result: {error}") from error
    return result
