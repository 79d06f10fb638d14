"""Where a job may run. A runner is given a job and returns the JSON of its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from services.spark_connector.inputs import Inputs
from services.spark_connector.questions import Asked

# What the job is doing, in a few words, and the part done, 0 to 1.
Report = Callable[[str, float], None]
Answer = Mapping[str, Any]

SEE_LOG = "the job failed; the connector's log says why"


@dataclass(frozen=True)
class Job:
    """`key` names the inputs, the arguments and the job's version; `again`: a finished job of this key will not do."""

    asked: Asked
    inputs: Inputs
    key: str
    again: bool = False


class JobFailed(Exception):
    """The message is one plain sentence for users; the detail is for the log."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class Runner(Protocol):
    name: str

    async def run(self, job: Job, report: Report) -> Answer:
        """Raises JobFailed. Cancelled, it leaves no process behind; a job in the cloud goes on, to be found again."""
        ...


def took_too_long(time_limit_s: float) -> str:
    return f"the job took longer than the {time_limit_s:.0f} seconds it may take, and was stopped"
