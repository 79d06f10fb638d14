"""DuckDB in a child process: no Java needed, and on one machine sooner than Spark."""

import os
import sys

from services.spark_connector.runners import Answer, Job, Report
from services.spark_connector.runners.child import Bench
from services.spark_connector.runners.local import run_here
from services.spark_connector.runners.program import PACKAGE, Program, arguments


class EmbeddedRunner:
    name = "embedded"

    def __init__(self, program: Program, bench: Bench, memory: str) -> None:
        """`memory` as Spark writes it: 800m, 4g."""
        self._program = program
        self._bench = bench
        self._memory = f"{memory.upper()}iB"

    async def run(self, job: Job, report: Report) -> Answer:
        async with self._bench.place(job.asked.question.name) as place:
            output = place.scratch / "result.json"
            command = [
                *(sys.executable, "-m", f"{PACKAGE}.embedded", f"--memory={self._memory}"),
                *(job.asked.question.name, *arguments(job, str(output))),
            ]
            environment = os.environ | {"TMPDIR": str(place.scratch), "PYTHONPATH": str(self._program.folder.parent)}
            return await run_here(place, command, environment, job, output, report)
