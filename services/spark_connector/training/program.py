"""The program that trains: services/taste/train.py as a child process."""

import sys
from dataclasses import dataclass
from pathlib import Path

from services.spark_connector.runners.job import Report
from services.spark_connector.runners.process import WorkDir
from services.spark_connector.settings import ROOT

MODULE = "services.taste.train"
# More memory for DuckDB makes no training faster.
DUCKDB_MB = 400


@dataclass(frozen=True)
class TrainingProgram:
    """`memory_mb` is the memory of a job; `processes` is the number of processes that solve in parallel."""

    memory_mb: int
    processes: int

    async def run(self, work_dir: WorkDir, inputs: Path, pairs: Path | None, report: Report) -> Path:
        """Returns the path of the new model. If `pairs` is None, counts them too. Raises JobFailed."""
        output = work_dir.scratch / "new.model"
        command = [
            *(sys.executable, "-m", MODULE, f"--inputs={inputs}", f"--output={output}"),
            *(f"--memory={min(self.memory_mb // 2, DUCKDB_MB)}MB", f"--processes={self.processes}"),
            *([f"--pairs={pairs}"] if pairs else []),
        ]
        await work_dir.run(command, {"PYTHONPATH": str(ROOT)}, str(inputs), report)
        return output
