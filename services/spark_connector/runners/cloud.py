"""Runs a job in Google's cloud: submits it once per key, finds it again after a restart, and waits for it to end."""

import asyncio
import datetime
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from google.api_core.exceptions import AlreadyExists, NotFound, RetryError

from services.common.errors import Unavailable
from services.spark_connector.google_retry import CALL_ERRORS, retry
from services.spark_connector.runners.job import (
    SEE_LOG,
    Job,
    JobFailed,
    ProgressEvent,
    Report,
    Result,
    time_limit_message,
    user_message,
)
from services.spark_connector.runners.job_files import JobFiles
from services.spark_connector.settings import GS
from services.spark_connector.storage.bucket import Bucket

log = logging.getLogger(__name__)

# Seconds for which failed calls are repeated. The job has a time limit of its own.
SUBMIT_TIMEOUT_S = 120.0
CANCEL_TIMEOUT_S = 30.0
DISCARD_TIMEOUT_S = 5.0
# Seconds between polls of a running job.
FIRST_POLL_S, MAX_POLL_S = 1.0, 10.0
# Bounds the search for an unused id. The scheduler's back-off limits how often attempts are made.
MAX_ATTEMPTS = 100_000
RUNS = "runs"
KEY_LABEL = "seen-key"


class State(Enum):
    ACTIVE = "active"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Attempt:
    """One submission of a job. `reason` and `driver_log` are for the log, not for users."""

    id: str
    state: State
    stage: str
    progress: float
    reason: str
    driver_log: str
    submitted_at: datetime.datetime | None

    @property
    def number(self) -> int:
        """The attempts for a key are numbered from 0. -1 if the connector did not make this id."""
        number = self.id.rpartition("-")[2]
        return int(number) if number.isdecimal() else -1


@dataclass(frozen=True)
class Submission:
    """`main` and `files` are gs:// links."""

    id: str
    key: str
    job_name: str
    main: str
    files: Sequence[str]
    arguments: Sequence[str]

    @property
    def labels(self) -> dict[str, str]:
        """`Cluster.list_attempts` finds a job by the label with its key."""
        return {KEY_LABEL: self.key, "seen-question": self.job_name}


class Cluster(Protocol):
    """Where jobs are submitted: a cluster, or serverless batches. Every method blocks and may raise Google's errors."""

    def list_attempts(self, key: str) -> Sequence[Attempt]: ...

    def submit(self, submission: Submission) -> Attempt:
        """A repeated call with the same id starts nothing new, but may raise AlreadyExists."""
        ...

    def get(self, attempt_id: str) -> Attempt: ...

    def cancel(self, attempt_id: str) -> None: ...


class CloudRunner:
    """Has no state: after a restart, or in a second replica, it finds a job by its key."""

    def __init__(
        self,
        connect: Callable[[], Cluster],
        name: str,
        files: JobFiles,
        bucket: Bucket,
        time_limit_s: float,
        open_bucket: Callable[[str], Bucket] = Bucket,
        first_poll_s: float = FIRST_POLL_S,
    ) -> None:
        """`connect` is called for the first job. `bucket` is for job files and results; logs are in other buckets."""
        self.name = name
        self._connect = connect
        self._connected: Cluster | None = None
        self._files = files
        self._bucket = bucket
        self._time_limit_s = time_limit_s
        self._open_bucket = open_bucket
        self._first_poll_s = first_poll_s

    async def run(self, job: Job, report: Report) -> Result:
        try:
            cluster = await self._cluster()
            attempt = await self._find_or_submit(cluster, job, report)
            attempt = await self._wait_for_end(cluster, attempt, report)
        except RetryError as error:
            raise JobFailed("Dataproc does not answer", str(error)) from error
        except CALL_ERRORS as error:
            raise JobFailed("Dataproc refused the job; the Spark connector's log says why", str(error)) from error
        if attempt.state is State.FAILED:
            event = await self._last_event(attempt)
            message = (user_message(event.error, job.inputs) if event else None) or SEE_LOG
            raise JobFailed(message, f"{attempt.id}: {attempt.reason}; its driver's log: {attempt.driver_log}")
        result = await self._result(attempt)
        if result is None:
            raise JobFailed(SEE_LOG, f"{attempt.id} wrote no result; its driver's log: {attempt.driver_log}")
        return result

    async def discard(self, job: Job) -> None:
        """Cancels the job if it is still running, and deletes its results. Raises Unavailable."""
        key = _key(job)
        try:
            cluster = await self._cluster()
            for attempt in await retry(lambda: cluster.list_attempts(key), DISCARD_TIMEOUT_S):
                if attempt.state is State.ACTIVE:
                    await retry(lambda: cluster.cancel(attempt.id), DISCARD_TIMEOUT_S)  # noqa: B023
                    log.info("job cancelled", extra={"job": attempt.id})
        except CALL_ERRORS as error:
            log.warning("a job cannot be cancelled", extra={"key": key, "error": str(error)})
        await self._bucket.delete_all(f"{RUNS}/{_id_prefix(job)}-")

    async def _cluster(self) -> Cluster:
        if self._connected is None:
            self._connected = await asyncio.to_thread(self._connect)
        return self._connected

    async def _find_or_submit(self, cluster: Cluster, job: Job, report: Report) -> Attempt:
        """An attempt that is running, or one that is done and whose result may be used, or else a new one."""
        key = _key(job)
        attempts = await retry(lambda: cluster.list_attempts(key), SUBMIT_TIMEOUT_S)
        attempts = sorted(attempts, key=lambda attempt: attempt.number, reverse=True)
        for attempt in attempts:
            if await self._is_usable(attempt, job):
                log.info("job found", extra={"job": attempt.id, "state": attempt.state.value})
                return attempt
        report("uploading the job's files", 0)
        main, files = await self._upload(job)
        for number in range(attempts[0].number + 1 if attempts else 0, MAX_ATTEMPTS):
            attempt_id = f"{_id_prefix(job)}-{number}"
            arguments = job.arguments(f"{self._bucket.location}/{_result_name(attempt_id)}")
            attempt = await self._submit(cluster, Submission(attempt_id, key, job.name, main, files, arguments))
            # The list may lag behind, so this id may belong to an attempt that failed long ago.
            if attempt.state is State.ACTIVE or await self._is_usable(attempt, job):
                return attempt
        raise JobFailed(SEE_LOG, "no id is left for another attempt")

    async def _submit(self, cluster: Cluster, submission: Submission) -> Attempt:
        try:
            attempt = await retry(lambda: cluster.submit(submission), SUBMIT_TIMEOUT_S)
            log.info("job submitted", extra={"job": attempt.id})
            return attempt
        except AlreadyExists:  # submitted by another connector
            return await retry(lambda: cluster.get(submission.id), SUBMIT_TIMEOUT_S)

    async def _is_usable(self, attempt: Attempt, job: Job) -> bool:
        if attempt.state is State.DONE:
            return not job.refresh and await self._result(attempt) is not None
        return attempt.state is State.ACTIVE

    async def _wait_for_end(self, cluster: Cluster, attempt: Attempt, report: Report) -> Attempt:
        submitted = attempt.submitted_at.timestamp() if attempt.submitted_at else time.time()
        wait_s = self._first_poll_s
        while attempt.state is State.ACTIVE:
            event = await self._last_event(attempt)
            report(*((event.stage, event.progress) if event else (attempt.stage, attempt.progress)))
            left_s = submitted + self._time_limit_s - time.time()
            if left_s <= 0:
                await self._cancel(cluster, attempt)
            await asyncio.sleep(min(wait_s, max(left_s, 0.05)))
            wait_s = min(wait_s * 1.5, MAX_POLL_S)
            try:
                attempt = await retry(lambda: cluster.get(attempt.id), MAX_POLL_S)  # noqa: B023
            except RetryError as error:  # the job continues, so keep polling until its time limit
                log.warning("cannot poll a running job", extra={"job": attempt.id, "error": str(error)})
                report(f"{attempt.stage}; Dataproc does not answer", attempt.progress)
            except NotFound:
                raise JobFailed("the job was deleted while it ran", attempt.id) from None
        return attempt

    async def _last_event(self, attempt: Attempt) -> ProgressEvent | None:
        """The last event in the last part of the driver's log. None if the log cannot be read."""
        folder, _, name = attempt.driver_log.rpartition("/")
        if not folder.startswith(GS):
            return None
        try:
            log_folder = self._open_bucket(folder)
            parts = await log_folder.list(name)
            text = await log_folder.read(parts[-1].name) if parts else None
        except Unavailable:
            return None
        lines = (text or b"").decode(errors="replace").splitlines()
        return next((event for line in reversed(lines) if (event := ProgressEvent.parse(line))), None)

    async def _cancel(self, cluster: Cluster, attempt: Attempt) -> None:
        detail = f"{attempt.id}; its driver's log: {attempt.driver_log}"
        try:
            await retry(lambda: cluster.cancel(attempt.id), CANCEL_TIMEOUT_S)
        except CALL_ERRORS as error:
            detail += f"; cancelling it failed: {error}"
        raise JobFailed(time_limit_message(self._time_limit_s), detail)

    async def _upload(self, job: Job) -> tuple[str, Sequence[str]]:
        """Uploads missing files. Returns the links of the main program and of the files that it imports.

        The folder's name is a hash of its contents, so its files never change.
        """
        folder = f"jobs/{self._files.version[:16]}"
        existing = {blob.name for blob in await self._bucket.list(folder)}
        main, package = self._files.for_cluster(job.name)
        for name, content in (main, package):
            if f"{folder}/{name}" not in existing:
                await self._bucket.write(f"{folder}/{name}", content, "application/octet-stream")
        return f"{self._bucket.location}/{folder}/{main[0]}", [f"{self._bucket.location}/{folder}/{package[0]}"]

    async def _result(self, attempt: Attempt) -> Result | None:
        content = await self._bucket.read(_result_name(attempt.id))
        try:
            result: Result | None = None if content is None else json.loads(content)
        except ValueError:
            return None
        return result


def _id_prefix(job: Job) -> str:
    """The beginning of the ids of the job's attempts."""
    return f"{job.name.replace('_', '-')}-{_key(job)}"


def _key(job: Job) -> str:
    """The job's key, shortened to fit into an id of Dataproc."""
    return job.key[:16]


def _result_name(attempt_id: str) -> str:
    return f"{RUNS}/{attempt_id}/result.json"


def client_options(region: str) -> dict[str, str]:
    """Jobs and batches of a region are visible at its own endpoint only."""
    return {"api_endpoint": f"{region}-dataproc.googleapis.com:443"}
