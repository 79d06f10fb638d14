"""What is answered when: kept answers at once, and one computation at a time for what is missing or out of date."""

import asyncio
import contextlib
import contextvars
import datetime
import hashlib
import json
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Self

from google.protobuf.message import Message

from services.common.errors import Unavailable
from services.spark_connector import metrics
from services.spark_connector.inputs import Inputs, Source
from services.spark_connector.questions import QUESTIONS, Asked, Question
from services.spark_connector.records import Record, Records
from services.spark_connector.runners import SEE_LOG, Job, JobFailed, Runner

log = logging.getLogger(__name__)

# Anyone may ask for arguments of their own. These bound what they can make us keep, and compute.
MOST_KEPT = 50
MOST_WAITING = 8
STARTING_STAGE = "starting"
WAITING_STAGE = "waiting for another computation to end"


@dataclass(frozen=True)
class Backoff:
    """Seconds from a failure to the next try: `first_s`, then twice as long each time, `longest_s` at most."""

    first_s: float = 30
    longest_s: float = 3600

    def wait_s(self, failures: int) -> float:
        return min(self.first_s * 2.0 ** min(failures - 1, 60), self.longest_s)


@dataclass(frozen=True)
class Standing:
    """What can be said of an answer now, and of the computation that renews it."""

    answer: Message | None
    computed_at: datetime.datetime | None
    stale: bool
    running: bool
    stage: str
    progress: float
    failure: str
    retry_after_s: int


@dataclass(frozen=True)
class _Failure:
    message: str
    key: str
    failures: int
    at: float


@dataclass
class _Slot:
    """What is known of one question with its arguments."""

    asked: Asked
    record: Record | None = None
    answer: Message | None = None
    failure: _Failure | None = None

    def set(self, record: Record) -> None:
        """ValueError where the record's answer is not one to this question; then nothing is changed."""
        self.answer = self.asked.question.read(record.answer)
        self.record = record
        if self.asked.is_default:
            metrics.show_age(self.asked.question.name, record.computed_at)


@dataclass
class _Line:
    """The computations of one question: one runs, the others wait their turn."""

    waiting: dict[Asked, bool] = field(default_factory=dict)  # whether it is computed even if nothing has changed
    running: Asked | None = None
    started: float = 0.0
    stage: str = ""
    progress: float = 0.0
    task: asyncio.Task[None] | None = None

    def has(self, asked: Asked) -> bool:
        return asked == self.running or asked in self.waiting

    def next(self) -> tuple[Asked, bool]:
        # The plain question goes first, however many ask for thresholds of their own.
        asked = next((asked for asked in self.waiting if asked.is_default), next(iter(self.waiting)))
        return asked, self.waiting.pop(asked)

    def report(self, stage: str, progress: float) -> None:
        self.stage = stage
        self.progress = min(max(progress, 0.0), 1.0)

    def stage_of(self, asked: Asked) -> str:
        if not self.has(asked):
            return ""
        if self.running is None:
            return STARTING_STAGE
        return self.stage if asked == self.running else WAITING_STAGE

    def seconds_left(self, now: float) -> int:
        """A guess at when to ask again."""
        if self.running is None:
            return 1
        elapsed = now - self.started
        left = elapsed / self.progress - elapsed if self.progress > 0.05 else elapsed
        return math.ceil(min(max(left, 1), 30))


class Answers:
    """`version` changes when the jobs do: answers of other versions are out of date."""

    def __init__(
        self,
        runner: Runner,
        records: Records,
        source: Source,
        version: str,
        backoff: Backoff = Backoff(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner = runner
        self._records = records
        self._source = source
        self._version = version
        self._backoff = backoff
        self._clock = clock
        self._lines: dict[Question, _Line] = {question: _Line() for question in QUESTIONS}
        self._slots: dict[Asked, _Slot] = {}  # the one asked for longest ago first

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Stops what is being computed when it is left, but lets an answer be kept that has just come."""
        try:
            yield self
        finally:
            for line in self._lines.values():
                line.waiting.clear()
                if line.task and line.running:
                    line.task.cancel()
            await asyncio.gather(*(line.task for line in self._lines.values() if line.task), return_exceptions=True)

    async def get(self, asked: Asked, refresh: bool = False) -> Standing:
        """What is kept, at once; has it computed where that is called for.

        Unavailable where nothing is kept and nothing can be computed now.
        """
        slot = await self._slot(asked)
        try:
            inputs = await self._source.look(asked.question.reads)
        except Unavailable as error:
            if slot.record is None and not self._lines[asked.question].has(asked):
                raise
            return self._standing(slot, None, error.message)
        key = self._key(asked, inputs)
        if refresh or slot.record is None or slot.record.fingerprint != key:
            self._want(slot, key, refresh)
        return self._standing(slot, key)

    async def _slot(self, asked: Asked) -> _Slot:
        slot = self._slots.pop(asked, None)
        if slot is None:
            record = await self._records.load(asked.name)
            slot = self._slots.pop(asked, None) or _Slot(asked)
            if record and not slot.record:
                with contextlib.suppress(ValueError):  # as another version wrote it: it is computed again
                    slot.set(record)
        self._slots[asked] = slot
        self._forget_slots(asked.question)
        return slot

    def _forget_slots(self, question: Question) -> None:
        line = self._lines[question]
        of_question = [asked for asked in self._slots if asked.question == question]
        for asked in of_question[: max(0, len(of_question) - MOST_KEPT)]:
            if not asked.is_default and not line.has(asked):
                del self._slots[asked]

    def _want(self, slot: _Slot, key: str, refresh: bool) -> None:
        asked, line = slot.asked, self._lines[slot.asked.question]
        if line.has(asked):
            return
        # Whoever may ask for a new computation may have mended what made the last one fail.
        if not refresh and self._wait_s(slot, key) > 0:
            return
        if len(line.waiting) >= MOST_WAITING and not asked.is_default:
            if slot.record is None:
                raise Unavailable("too many others wait for a computation of their own; try again later")
            return
        log.info("computation wanted", extra={"answer": asked.name, "refresh": refresh})
        line.waiting[asked] = refresh
        if line.task is None or line.task.done():
            # In a context of its own: it outlives the request, so it must not carry that one's id and deadline.
            work = self._work(line)
            line.task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())

    def _wait_s(self, slot: _Slot, key: str) -> float:
        """Seconds until a failed computation is tried again. Changed inputs make the first, short wait do."""
        if slot.failure is None:
            return 0
        wait_s = self._backoff.wait_s(slot.failure.failures if slot.failure.key == key else 1)
        return slot.failure.at + wait_s - self._clock()

    def _standing(self, slot: _Slot, key: str | None, fault: str = "") -> Standing:
        line = self._lines[slot.asked.question]
        computing, running = line.has(slot.asked), line.running == slot.asked
        failure = fault or (slot.failure.message if slot.failure else "")
        if slot.record is None and not computing:
            raise Unavailable(failure)
        stale = slot.record is not None and slot.record.fingerprint != key
        if slot.asked.is_default:
            metrics.STALE.labels(slot.asked.question.name).set(stale)
        if computing:
            retry_after_s = line.seconds_left(self._clock())
        else:
            retry_after_s = math.ceil(max(0, self._wait_s(slot, key or ""))) if stale else 0
        return Standing(
            answer=slot.answer,
            computed_at=slot.record.computed_at if slot.record else None,
            stale=stale,
            running=computing,
            stage=line.stage_of(slot.asked),
            progress=line.progress if running else 0.0,
            failure=failure,
            retry_after_s=retry_after_s,
        )

    async def _work(self, line: _Line) -> None:
        while line.waiting:
            asked, again = line.next()
            line.running, line.started = asked, self._clock()
            line.report(STARTING_STAGE, 0)
            try:
                record = await self._compute(self._slots[asked], line, again)
            finally:
                line.running = None
            if record:
                await self._keep(asked, record)

    async def _compute(self, slot: _Slot, line: _Line, again: bool) -> Record | None:
        """The new answer, which the slot has by then; None where it failed."""
        name, key = slot.asked.question.name, ""
        outcome = "failed"
        metrics.COMPUTING.labels(name).inc()
        try:
            inputs = await self._source.look(slot.asked.question.reads, anew=True)
            key = self._key(slot.asked, inputs)
            record = await self._run(slot.asked, inputs, key, again, line)
            slot.set(record)
            slot.failure = None
            outcome = "answered"
            return record
        except JobFailed as error:
            self._fail(slot, key, error.message, error.detail)
        except Unavailable as error:
            self._fail(slot, key, error.message, "")
        except ValueError as error:
            self._fail(slot, key, SEE_LOG, f"its result is not an answer: {error}")
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception:
            log.exception("a job's runner has a fault")
            self._fail(slot, key, SEE_LOG, "")
        finally:
            metrics.COMPUTING.labels(name).dec()
            metrics.COMPUTATIONS.labels(name, outcome).inc()
            metrics.SECONDS.labels(name).observe(self._clock() - line.started)
        return None

    async def _run(self, asked: Asked, inputs: Inputs, key: str, again: bool, line: _Line) -> Record:
        started = _now()
        answer = await self._runner.run(Job(asked, inputs, key, again), line.report)
        # Under the inputs as they were at the start: where they have changed since, it is out of date already.
        return Record(
            asked.question.name,
            dict(asked.arguments),
            key,
            [asdict(file) for file in inputs.files],
            answer,
            self._runner.name,
            started,
            _now(),
        )

    async def _keep(self, asked: Asked, record: Record) -> None:
        log.info("computed", extra={"answer": asked.name, "engine": record.engine, "started": record.startedAt})
        plain = Asked(asked.question, tuple(asked.question.defaults.items()))
        try:
            await self._records.save(asked.name, record)
            await self._records.forget(asked.question.name, [plain.name, asked.name], MOST_KEPT)
        except Exception as error:  # whatever it is, the answer is there to be served
            log.error("an answer is kept in memory only", extra={"answer": asked.name}, exc_info=error)

    def _fail(self, slot: _Slot, key: str, message: str, detail: str) -> None:
        failures = slot.failure.failures + 1 if slot.failure and slot.failure.key == key else 1
        slot.failure = _Failure(message, key, failures, self._clock())
        log.error(
            "a computation failed: %s",
            message,
            extra={"answer": slot.asked.name, "detail": detail, "again_in_s": self._backoff.wait_s(failures)},
        )

    def _key(self, asked: Asked, inputs: Inputs) -> str:
        parts = [asked.question.name, asked.arguments, self._version, [asdict(file) for file in inputs.files]]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def version_of(files: Sequence[tuple[str, bytes]]) -> str:
    """The version of jobs that are made of these files, given as names and contents."""
    digest = hashlib.sha256()
    for name, content in sorted(files):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
