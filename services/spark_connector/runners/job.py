"""A job, the progress that it reports, and what all runners have in common."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

# Called with the stage in a few words, and the completed share of the job, 0 to 1.
Report = Callable[[str, float], None]
# The JSON that a job writes; spark_jobs/README.md describes it.
Result = Mapping[str, Any]

SEE_LOG = "the job failed; the Spark connector's log says why"


@dataclass(frozen=True)
class Job:
    """`name` is the name of its main program, `inputs` the folder or gs:// prefix that it reads.

    Two jobs with the same `key` have the same result. `refresh`: run the job even if there is a result for its key.
    """

    name: str
    inputs: str
    options: tuple[tuple[str, int | str], ...]
    key: str
    refresh: bool = False

    def arguments(self, output: str) -> list[str]:
        """The command line arguments of the job's main program."""
        options = [f"--{name.replace('_', '-')}={value}" for name, value in self.options]
        return [f"--inputs={self.inputs}", f"--output={output}", *options]


def user_message(error: str, inputs: str) -> str | None:
    """A job's error without the location of its inputs. None if there is no error, or if users must not see it.

    Users see sentences, but not exceptions such as "KeyError: …".
    """
    if not error or re.match(r"\w+: ", error):
        return None
    return error.replace(f"{inputs.rstrip('/')}/", "").replace(inputs, "the inputs")


def part_of(report: Report, start: float, end: float) -> Report:
    """Reports the progress of one step, which takes the job's completed share from `start` to `end`."""
    return lambda stage, share: report(stage, start + (end - start) * share)


class JobFailed(Exception):
    """The message is one sentence for users, the detail is for the log."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class Runner(Protocol):
    @property
    def name(self) -> str: ...

    async def run(self, job: Job, report: Report) -> Result:
        """Raises JobFailed. Cancelling it ends a local job; a job in the cloud continues and is found later."""
        ...


@dataclass(frozen=True)
class ProgressEvent:
    """A line of a job's standard output."""

    stage: str
    progress: float
    error: str = ""

    @classmethod
    def parse(cls, line: str) -> "ProgressEvent | None":
        """None for any other line."""
        try:
            event = json.loads(line)
            return cls(str(event["stage"]), float(event["progress"]), str(event.get("error", "")))
        except (ValueError, TypeError, KeyError):
            return None


def time_limit_message(time_limit_s: float) -> str:
    return f"the job was stopped because it exceeded its time limit of {time_limit_s:.0f} seconds"
