"""What the runners on this machine share: a job's own words while it runs, and its result."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.spark_connector.runners import SEE_LOG, Answer, Job, JobFailed, Report
from services.spark_connector.runners.child import Place
from services.spark_connector.runners.program import said, sentence


async def run_here(
    place: Place, command: Sequence[str], environment: Mapping[str, str], job: Job, output: Path, report: Report
) -> Answer:
    error = ""

    def hear(line: str) -> None:
        nonlocal error
        if told := said(line):
            error = told.error
            report(told.stage, told.share)

    try:
        await place.run(command, environment, hear)
    except JobFailed as failed:
        message = sentence(error, job.inputs.where) or failed.message
        raise JobFailed(message, f"{error}; {failed.detail}" if error else failed.detail) from None
    return await asyncio.to_thread(_read, output)


def _read(output: Path) -> Answer:
    try:
        answer: Answer = json.loads(output.read_bytes())
    except (OSError, ValueError) as error:
        raise JobFailed(SEE_LOG, f"it left no result: {error}") from error
    return answer
