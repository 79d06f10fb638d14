"""Serves stored answers at once, and computes missing and outdated ones: one at a time per question."""

import asyncio
import contextlib
import contextvars
import datetime
import hashlib
import json
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import Self

from google.protobuf.message import Message

from services.common.errors import Unavailable
from services.spark_connector import metrics
from services.spark_connector.computations.computation import Backoff, Computation, Progress, Status
from services.spark_connector.computations.queue import Queue
from services.spark_connector.queries import QUESTIONS, Query, Question
from services.spark_connector.runners.job import SEE_LOG, Job, JobFailed, Runner
from services.spark_connector.storage.answer_store import AnswerRecord, AnswerStore
from services.spark_connector.storage.inputs import Inputs, InputSource

log = logging.getLogger(__name__)

# Anyone may send queries with other arguments. These limits bound what is stored and computed for them, per question.
MAX_STORED = 50
MAX_WAITING = 8


@dataclass(frozen=True, kw_only=True)
class AnswerStatus(Status):
    """The stored answer to a query, if there is one, and the computation that replaces it."""

    answer: Message | None
    computed_at: datetime.datetime | None


@dataclass
class Entry:
    """The state of a query in memory."""

    query: Query
    computation: Computation
    record: AnswerRecord | None = None
    answer: Message | None = None

    def set(self, record: AnswerRecord) -> None:
        """Raises ValueError and changes nothing if the result holds no answer to the question."""
        self.answer = self.query.question.parse_answer(record.result)
        self.record = record
        if self.query.is_default:
            metrics.show_age(self.query.question.name, record.computed_at.timestamp())

    def is_current(self, key: str | None) -> bool:
        return self.record is not None and self.record.fingerprint == key


class Scheduler:
    """`version` is the version of the jobs. Answers of other versions are outdated."""

    def __init__(
        self,
        runner: Runner,
        store: AnswerStore,
        source: InputSource,
        version: str,
        backoff: Backoff,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner = runner
        self._store = store
        self._source = source
        self._version = version
        self._backoff = backoff
        self._clock = clock
        self._queues: dict[Question, Queue] = {question: Queue() for question in QUESTIONS}
        self._entries: dict[Query, Entry] = {}  # least recently used first

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """At the end, cancels running computations and waits for finished ones to be stored."""
        try:
            yield self
        finally:
            for queue in self._queues.values():
                queue.waiting.clear()
                if queue.task and queue.running:
                    queue.task.cancel()
            await asyncio.gather(*(queue.task for queue in self._queues.values() if queue.task), return_exceptions=True)

    async def get(self, query: Query, refresh: bool = False) -> AnswerStatus:
        """Returns the stored answer, if any, without waiting. Starts a computation if it is needed or `refresh` is set.

        Raises Unavailable if there is no answer and none can be computed now.
        """
        entry = await self._entry(query)
        try:
            inputs = await self._source.find(query.question.files)
        except Unavailable as error:
            if entry.record is None and query not in self._queues[query.question]:
                raise
            return self._status(entry, None, error.message)
        key = self._key(query, inputs)
        if refresh or not entry.is_current(key):
            self._enqueue(entry, key, refresh)
        return self._status(entry, key)

    async def _entry(self, query: Query) -> Entry:
        entry = self._entries.pop(query, None)
        if entry is None:
            record = await self._store.load(query.name)
            entry = self._entries.pop(query, None) or Entry(
                query, Computation(query.name, query.question.name, self._backoff, self._clock)
            )
            if record and not entry.record:
                with contextlib.suppress(ValueError):  # another version stored it, so it is computed again
                    entry.set(record)
        self._entries[query] = entry
        self._drop_entries(query.question)
        return entry

    def _drop_entries(self, question: Question) -> None:
        queries = [query for query in self._entries if query.question == question]
        for query in queries[: max(0, len(queries) - MAX_STORED)]:
            if not query.is_default and query not in self._queues[question]:
                del self._entries[query]

    def _enqueue(self, entry: Entry, key: str, refresh: bool) -> None:
        query, queue = entry.query, self._queues[entry.query.question]
        if query in queue:
            return
        # A refresh does not wait for the back-off: the administrator may have removed the cause of the failure.
        if not refresh and entry.computation.wait_s(key) > 0:
            return
        if len(queue.waiting) >= MAX_WAITING and not query.is_default:
            if entry.record is None:
                raise Unavailable("too many computations are queued; try again later")
            return
        log.info("computation queued", extra={"answer": query.name, "refresh": refresh})
        queue.waiting[query] = refresh
        if queue.task is None or queue.task.done():
            # An empty context: the task outlives the request and must not have its id and deadline.
            run = self._run_queue(queue)
            queue.task = asyncio.get_running_loop().create_task(run, context=contextvars.Context())

    def _status(self, entry: Entry, key: str | None, input_failure: str = "") -> AnswerStatus:
        queue = self._queues[entry.query.question]
        computing = entry.query in queue
        failure = input_failure or entry.computation.failure
        if entry.record is None and not computing:
            raise Unavailable(failure)
        stale = entry.record is not None and not entry.is_current(key)
        if entry.query.is_default:
            metrics.STALE.labels(entry.query.question.name).set(stale)
        if computing:
            retry_after_s = queue.retry_after_s(self._clock())
        else:
            retry_after_s = math.ceil(entry.computation.wait_s(key or "")) if stale else 0
        return AnswerStatus(
            answer=entry.answer,
            computed_at=entry.record.computed_at if entry.record else None,
            stale=stale,
            running=computing,
            stage=queue.stage_of(entry.query),
            progress=queue.progress.share if queue.running == entry.query else 0.0,
            failure=failure,
            retry_after_s=retry_after_s,
        )

    async def _run_queue(self, queue: Queue) -> None:
        while queue.waiting:
            query, refresh = queue.start_next(self._clock())
            entry = self._entries[query]
            try:
                attempt = self._compute(entry, queue.progress, refresh)
                record = await entry.computation.run(attempt, queue.progress)
            finally:
                queue.running = None
            if record:
                await self._store_answer(query, record)

    async def _compute(self, entry: Entry, progress: Progress, refresh: bool) -> AnswerRecord:
        """Sets the entry's new answer and returns its record."""
        query, question = entry.query, entry.query.question
        inputs = await self._source.find(question.files, cached=False)
        entry.computation.inputs_key = key = self._key(query, inputs)
        started_at = _now()
        job = Job(question.name, inputs.location, query.arguments, key, refresh)
        result = await self._runner.run(job, progress.report)
        record = AnswerRecord(
            question=question.name,
            arguments=dict(query.arguments),
            fingerprint=key,  # of the inputs at the start: if they have changed since, the answer is stale
            inputs=[asdict(file) for file in inputs.files],
            result=result,
            runner=self._runner.name,
            startedAt=started_at,
            computedAt=_now(),
        )
        try:
            entry.set(record)
        except ValueError as error:
            raise JobFailed(SEE_LOG, f"the result holds no answer: {error}") from error
        return record

    async def _store_answer(self, query: Query, record: AnswerRecord) -> None:
        log.info("computed", extra={"answer": query.name, "runner": record.runner, "started": record.startedAt})
        protected = [query.question.query().name, query.name]
        try:
            await self._store.save(query.name, record)
            await self._store.delete_oldest(query.question.name, protected, MAX_STORED)
        except Exception as error:  # the answer is in memory and can be served
            log.error("storing failed; the answer is in memory only", extra={"answer": query.name}, exc_info=error)

    def _key(self, query: Query, inputs: Inputs) -> str:
        parts = [query.question.name, query.arguments, self._version, [asdict(file) for file in inputs.files]]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
