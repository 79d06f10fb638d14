"""The program that trains: services/taste/train.py as a child process."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from services.spark_connector.runners.job import JobFailed, ProgressEvent, Report, is_for_users
from services.spark_connector.runners.process import WorkDir
from services.spark_connector.settings import ROOT

MODULE = "services.taste.train"
# DuckDB's share of the memory, from which on more makes no training faster.
DUCKDB_MB = 400


@dataclass(frozen=True)
class TrainingProgram:
    """`memory_mb` is that of a job; `processes` solve beside each other."""

    memory_mb: int
    processes: int
    module: str = MODULE

    async def run(self, work_dir: WorkDir, inputs: Path, pairs: Path | None, report: Report) -> Path:
        """Returns the path of the new model. Without `pairs`, it counts them too. Raises JobFailed."""
        output = work_dir.scratch / "new.model"
        error = ""

        def read_line(line: str) -> None:
            nonlocal error
            if event := ProgressEvent.parse(line):
                error = event.error
                report(event.stage, event.progress)

        command = [
            *(sys.executable, "-m", self.module, f"--inputs={inputs}", f"--output={output}"),
            *(f"--memory={min(self.memory_mb // 2, DUCKDB_MB)}MB", f"--processes={self.processes}"),
            *([f"--pairs={pairs}"] if pairs else []),
        ]
        environment = {"PYTHONPATH": str(ROOT), "TMPDIR": str(work_dir.scratch)}
        try:
            await work_dir.run(command, os.environ | environment, read_line)
        except JobFailed as failed:
            message = error if is_for_users(error) else failed.message
            raise JobFailed(message, f"{error}; {failed.detail}" if error else failed.detail) from None
        return output
