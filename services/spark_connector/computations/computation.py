"""What all background computations have in common: progress, status, failures, metrics, and when to try again."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from services.common.errors import Unavailable
from services.spark_connector import metrics
from services.spark_connector.runners.job import SEE_LOG, JobFailed

log = logging.getLogger(__name__)

T = TypeVar("T")

STARTING_STAGE = "starting"


@dataclass(frozen=True)
class Backoff:
    """Seconds from a failure to the next attempt: `first_s`, doubled with each failure up to `max_s`."""

    first_s: float
    max_s: float

    def wait_s(self, failures: int) -> float:
        return min(self.first_s * 2.0 ** min(failures - 1, 60), self.max_s)


@dataclass
class Progress:
    """The progress of a running computation. `share` is the completed share, 0 to 1."""

    started_at: float = 0.0
    stage: str = STARTING_STAGE
    share: float = 0.0

    def report(self, stage: str, share: float) -> None:
        self.stage = stage
        self.share = min(max(share, 0.0), 1.0)

    def retry_after_s(self, now: float) -> int:
        """Estimates in how many seconds the computation ends: 1 to 30."""
        elapsed = now - self.started_at
        left = elapsed / self.share - elapsed if self.share > 0.05 else elapsed
        return math.ceil(min(max(left, 1), 30))


@dataclass(frozen=True, kw_only=True)
class Status:
    """`stale`: the stored result is outdated. The other fields describe the computation that replaces it."""

    stale: bool
    running: bool
    stage: str
    progress: float
    failure: str
    retry_after_s: int


@dataclass(frozen=True)
class Failure:
    """`count` is the number of failures in a row with the same inputs."""

    message: str
    inputs_key: str
    count: int
    failed_at: float


class Computation:
    """A computation that may run many times. Remembers the failures since its last success.

    `name` is for the log, `question` is the label of its metrics.
    """

    def __init__(self, name: str, question: str, backoff: Backoff, clock: Callable[[], float]) -> None:
        self.inputs_key = ""
        """Identifies the inputs of the running computation, which sets it as soon as it has found them."""
        self._name = name
        self._question = question
        self._backoff = backoff
        self._clock = clock
        self._failure: Failure | None = None

    @property
    def failure(self) -> str:
        """Why the last attempt failed, in a sentence for users; empty if it succeeded."""
        return self._failure.message if self._failure else ""

    def wait_s(self, inputs_key: str = "") -> float:
        """Seconds until the next attempt after a failure. If the inputs have changed since, the first wait applies."""
        if self._failure is None:
            return 0
        failures = self._failure.count if self._failure.inputs_key == inputs_key else 1
        return max(0, self._failure.failed_at + self._backoff.wait_s(failures) - self._clock())

    async def run(self, attempt: Awaitable[T], progress: Progress) -> T | None:
        """Returns the result, or None after a failure, which is logged. Counts and measures the attempt."""
        self.inputs_key = ""
        outcome = "failed"
        metrics.COMPUTING.labels(self._question).inc()
        try:
            result = await attempt
            self._failure = None
            outcome = "answered"
            return result
        except JobFailed as error:
            self._fail(error.message, error.detail)
        except Unavailable as error:
            self._fail(error.message, "")
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception as error:
            log.exception("unexpected error in a computation", extra={"computation": self._name})
            self._fail(SEE_LOG, str(error))
        finally:
            metrics.COMPUTING.labels(self._question).dec()
            metrics.COMPUTATIONS.labels(self._question, outcome).inc()
            metrics.SECONDS.labels(self._question).observe(self._clock() - progress.started_at)
        return None

    def _fail(self, message: str, detail: str) -> None:
        last = self._failure
        count = last.count + 1 if last and last.inputs_key == self.inputs_key else 1
        self._failure = Failure(message, self.inputs_key, count, self._clock())
        extra = {"computation": self._name, "detail": detail, "retry_in_s": self._backoff.wait_s(count)}
        log.error("computation failed: %s", message, extra=extra)
