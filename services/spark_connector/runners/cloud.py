"""A job in Google's cloud: submitted once for its key, found again after a restart, followed to its end."""

import asyncio
import datetime
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, NotFound
from google.auth.exceptions import GoogleAuthError

from services.common.errors import Unavailable
from services.spark_connector.bucket import SCHEME, Bucket
from services.spark_connector.patience import Away, patiently
from services.spark_connector.runners import SEE_LOG, Answer, Job, JobFailed, Report, took_too_long
from services.spark_connector.runners.program import Program, Said, arguments, said, sentence

log = logging.getLogger(__name__)

# How long Dataproc may not answer before a submission has failed. A job that runs is waited for to its time limit.
SUBMIT_WITHIN_S = 120.0
CANCEL_WITHIN_S = 30.0
# From one look at a running job to the next: at first, and at most.
FIRST_LOOK_S, LONGEST_LOOK_S = 1.0, 10.0
# What a project can be billed for is bounded by the back-off; this only ends a loop that should not be.
MOST_ATTEMPTS = 100_000


class State(Enum):
    ACTIVE = "active"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Attempt:
    """One submission of a job, as the cloud knows it. `why` and `driver_log` are for our log, never for users."""

    id: str
    state: State
    stage: str
    progress: float
    why: str
    driver_log: str
    submitted_at: datetime.datetime | None

    @property
    def number(self) -> int:
        """0 for the first of a key; -1 where somebody else named it."""
        number = self.id.rpartition("-")[2]
        return int(number) if number.isdecimal() else -1


@dataclass(frozen=True)
class Submission:
    """What is run: `main` and `files` are gs:// links; `key` is a label that finds it again."""

    id: str
    key: str
    question: str
    main: str
    files: Sequence[str]
    arguments: Sequence[str]


class Cluster(Protocol):
    """What differs between jobs on a cluster and batches. Every method blocks, and may raise Google's errors."""

    def attempts(self, key: str) -> Sequence[Attempt]: ...

    def submit(self, submission: Submission) -> Attempt:
        """Repeating it with the same id does nothing more; AlreadyExists may say so."""
        ...

    def look(self, attempt_id: str) -> Attempt: ...

    def cancel(self, attempt_id: str) -> None: ...


class CloudRunner:
    """Nothing here is remembered: a restarted connector, or a second one, finds the job by its key and goes on."""

    def __init__(
        self,
        connect: Callable[[], Cluster],
        name: str,
        program: Program,
        bucket: Bucket,
        time_limit_s: float,
        open_bucket: Callable[[str], Bucket] = Bucket,
        first_look_s: float = FIRST_LOOK_S,
    ) -> None:
        """`connect` is called at the first job. `bucket` takes job files and results; drivers' logs are in others."""
        self.name = name
        self._connect = connect
        self._connected: Cluster | None = None
        self._program = program
        self._bucket = bucket
        self._time_limit_s = time_limit_s
        self._open_bucket = open_bucket
        self._first_look_s = first_look_s

    async def run(self, job: Job, report: Report) -> Answer:
        try:
            cluster = await self._cluster()
            attempt = await self._attempt(cluster, job, report)
            attempt = await self._follow(cluster, attempt, report)
        except Away as error:
            raise JobFailed("Dataproc does not answer", str(error)) from error
        except (GoogleAPICallError, GoogleAuthError) as error:
            raise JobFailed("Dataproc refused the job; the connector's log says why", str(error)) from error
        if attempt.state is State.FAILED:
            words = await self._words(attempt)
            message = sentence(words.error, job.inputs.where) if words else None
            raise JobFailed(message or SEE_LOG, f"{attempt.id}: {attempt.why}; its driver's log: {attempt.driver_log}")
        answer = await self._result(attempt)
        if answer is None:
            raise JobFailed(SEE_LOG, f"{attempt.id} left no result; its driver's log: {attempt.driver_log}")
        return answer

    async def _cluster(self) -> Cluster:
        if self._connected is None:
            self._connected = await asyncio.to_thread(self._connect)
        return self._connected

    async def _attempt(self, cluster: Cluster, job: Job, report: Report) -> Attempt:
        """The attempt that will do: one that runs, or has left a result that nobody kept, or a new one."""
        key = job.key[:16]
        known = await patiently(lambda: cluster.attempts(key), SUBMIT_WITHIN_S)
        known = sorted(known, key=lambda attempt: attempt.number, reverse=True)
        for attempt in known:
            if await self._will_do(attempt, job):
                log.info("found again", extra={"job": attempt.id, "state": attempt.state.value})
                return attempt
        report("sending the job's files", 0)
        main, files = await self._upload(job)
        for number in range(known[0].number + 1 if known else 0, MOST_ATTEMPTS):
            attempt_id = f"{job.asked.question.name.replace('_', '-')}-{key}-{number}"
            output = f"{self._bucket.url}/{_result_name(attempt_id)}"
            submission = Submission(attempt_id, key, job.asked.question.name, main, files, arguments(job, output))
            attempt = await self._submit(cluster, submission)
            # A list may lag behind: what is there under this id may be an attempt that failed long ago.
            if attempt.state is State.ACTIVE or await self._will_do(attempt, job):
                return attempt
        raise JobFailed(SEE_LOG, "no id is left for another attempt")

    async def _submit(self, cluster: Cluster, submission: Submission) -> Attempt:
        try:
            attempt = await patiently(lambda: cluster.submit(submission), SUBMIT_WITHIN_S)
            log.info("submitted", extra={"job": attempt.id})
            return attempt
        except AlreadyExists:  # another connector was quicker
            return await patiently(lambda: cluster.look(submission.id), SUBMIT_WITHIN_S)

    async def _will_do(self, attempt: Attempt, job: Job) -> bool:
        if attempt.state is State.DONE:
            return not job.again and await self._result(attempt) is not None
        return attempt.state is State.ACTIVE

    async def _follow(self, cluster: Cluster, attempt: Attempt, report: Report) -> Attempt:
        submitted = attempt.submitted_at.timestamp() if attempt.submitted_at else time.time()
        wait_s = self._first_look_s
        while attempt.state is State.ACTIVE:
            words = await self._words(attempt)
            report(*((words.stage, words.share) if words else (attempt.stage, attempt.progress)))
            left_s = submitted + self._time_limit_s - time.time()
            if left_s <= 0:
                await self._cancel(cluster, attempt)
            await asyncio.sleep(min(wait_s, max(left_s, 0.05)))
            wait_s = min(wait_s * 1.5, LONGEST_LOOK_S)
            try:
                attempt = await patiently(lambda: cluster.look(attempt.id), LONGEST_LOOK_S)  # noqa: B023
            except Away as error:  # the job goes on without us: we look again, until its time is up
                log.warning("a running job cannot be looked at", extra={"job": attempt.id, "error": str(error)})
                report(f"{attempt.stage}; Dataproc does not answer", attempt.progress)
            except NotFound:
                raise JobFailed("the job was deleted while it ran", attempt.id) from None
        return attempt

    async def _words(self, attempt: Attempt) -> Said | None:
        """What the job last said of itself, as far as its driver's log lets us read it; the log comes in parts."""
        folder, _, name = attempt.driver_log.rpartition("/")
        if not folder.startswith(SCHEME):
            return None
        try:
            log_folder = self._open_bucket(folder)
            parts = await log_folder.list(name)
            text = await log_folder.read(parts[-1].name) if parts else None
        except Unavailable:
            return None
        lines = (text or b"").decode(errors="replace").splitlines()
        return next((words for line in reversed(lines) if (words := said(line))), None)

    async def _cancel(self, cluster: Cluster, attempt: Attempt) -> None:
        detail = f"{attempt.id}; its driver's log: {attempt.driver_log}"
        try:
            await patiently(lambda: cluster.cancel(attempt.id), CANCEL_WITHIN_S)
        except (Away, GoogleAPICallError) as error:
            detail += f"; cancelling it failed: {error}"
        raise JobFailed(took_too_long(self._time_limit_s), detail)

    async def _upload(self, job: Job) -> tuple[str, Sequence[str]]:
        """Sends what is not there yet. The folder's name is the hash of its contents, so nothing there ever changes."""
        folder = f"jobs/{self._program.version[:16]}"
        there = {blob.name for blob in await self._bucket.list(folder)}
        main, files = self._program.for_cluster(job.asked.question.name)
        for name, content in (main, *files):
            if f"{folder}/{name}" not in there:
                await self._bucket.write(f"{folder}/{name}", content, "application/octet-stream")
        return f"{self._bucket.url}/{folder}/{main[0]}", [f"{self._bucket.url}/{folder}/{name}" for name, _ in files]

    async def _result(self, attempt: Attempt) -> Answer | None:
        content = await self._bucket.read(_result_name(attempt.id))
        if content is None:
            return None
        try:
            answer: Answer = json.loads(content)
        except ValueError:
            return None
        return answer


def _result_name(attempt_id: str) -> str:
    return f"runs/{attempt_id}/result.json"
