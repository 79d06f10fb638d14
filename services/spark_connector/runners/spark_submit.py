"""Spark on this machine: spark-submit as a child process, with all of its processors."""

import os

from services.spark_connector.runners import Answer, Job, JobFailed, Report
from services.spark_connector.runners.child import Bench
from services.spark_connector.runners.local import run_here
from services.spark_connector.runners.program import Program, arguments
from spark_jobs import submit


class SparkSubmitRunner:
    name = "local"

    def __init__(self, program: Program, bench: Bench, memory: str) -> None:
        self._program = program
        self._bench = bench
        self._memory = memory

    async def run(self, job: Job, report: Report) -> Answer:
        name = job.asked.question.name
        report("starting Spark", 0)
        async with self._bench.place(name) as place:
            output = place.scratch / "result.json"
            own = arguments(job, str(output))
            java = submit.java_options(submit.input_bytes(name, own), archive=None)
            try:
                command = submit.spark_submit(str(self._program.main(name)), own, self._memory, java)
            except submit.NoSpark as error:
                raise JobFailed(f"{error}: install it, or set SEEN_SPARK_RUNNER=embedded") from error
            scratch = {"TMPDIR": str(place.scratch), "SPARK_LOCAL_DIRS": str(place.scratch)}
            return await run_here(place, command, os.environ | submit.environment() | scratch, job, output, report)
