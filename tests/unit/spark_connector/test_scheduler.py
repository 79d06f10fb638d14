"""When a stored answer is served, when a new one is computed, and the status meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from seen.v1.spark_pb2 import BestDirector
from services.common.errors import InvalidArgument, Unavailable
from services.spark_connector.computations.computation import Backoff
from services.spark_connector.computations.scheduler import MAX_STORED, MAX_WAITING, AnswerStatus, Scheduler
from services.spark_connector.queries import BEST_DIRECTOR, MOST_CONNECTED, Query
from services.spark_connector.storage.answer_store import AnswerStore
from tests.unit.spark_connector.fakes import Clock, FakeInputs, FakeRunner, FakeStorage

DEFAULT = BEST_DIRECTOR.query()


def with_films(min_films: int) -> Query:
    return BEST_DIRECTOR.query(min_films=min_films)


class Harness:
    """A scheduler with fakes around it."""

    def __init__(self) -> None:
        self.runner, self.storage, self.inputs, self.clock = FakeRunner(), FakeStorage(), FakeInputs(), Clock()
        self.scheduler = self.new_scheduler()

    def new_scheduler(self, version: str = "1") -> Scheduler:
        """Another one over the same fakes, as after a restart."""
        return Scheduler(self.runner, AnswerStore(self.storage), self.inputs, version, Backoff(30, 100), self.clock)

    async def get(self, query: Query = DEFAULT, refresh: bool = False) -> AnswerStatus:
        return await self.scheduler.get(query, refresh)

    async def compute(self) -> AnswerStatus:
        """Lets the requested computations end."""
        await self.get()
        self.runner.may_end.set()
        await run_tasks()
        return await self.get()


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    harness = Harness()
    async with harness.scheduler.running():
        yield harness


async def run_tasks() -> None:
    """Lets all tasks run until each of them waits."""
    for _ in range(20):
        await asyncio.sleep(0)


def winner(status: AnswerStatus) -> str:
    assert isinstance(status.answer, BestDirector)
    return status.answer.winner.person.id


async def test_the_first_request_starts_a_computation(harness: Harness) -> None:
    status = await harness.get()
    assert (status.answer, status.running, status.stale) == (None, True, False)
    assert (status.stage, status.progress, status.retry_after_s) == ("starting", 0, 1)


async def test_a_metric_counts_running_computations(harness: Harness) -> None:
    def computing() -> float | None:
        return REGISTRY.get_sample_value("seen_spark_computing", {"question": "best_director"})

    await harness.get()
    await run_tasks()
    assert computing() == 1
    await harness.compute()
    assert computing() == 0


async def test_retry_after_does_not_depend_on_the_uptime_of_the_machine(harness: Harness) -> None:
    harness.clock.now = 1e6
    assert (await harness.get()).retry_after_s == 1
    await run_tasks()
    assert (await harness.get()).retry_after_s == 1


async def test_the_status_has_the_stage_the_progress_and_when_to_retry(harness: Harness) -> None:
    await harness.get()
    await run_tasks()
    harness.clock.now = 8
    status = await harness.get()
    assert (status.stage, status.progress, status.retry_after_s) == ("counting", 0.5, 8)


async def test_a_computed_answer_is_served(harness: Harness) -> None:
    status = await harness.compute()
    assert (winner(status), status.running, status.stale, status.failure) == ("nm1", False, False, "")
    assert status.computed_at is not None


async def test_unchanged_inputs_are_never_computed_twice(harness: Harness) -> None:
    await harness.get()
    for _ in range(5):
        await harness.compute()
    assert len(harness.runner.jobs) == 1


async def test_concurrent_requests_share_one_computation(harness: Harness) -> None:
    await asyncio.gather(*(harness.get() for _ in range(100)))
    await run_tasks()
    await asyncio.gather(*(harness.get(refresh=True) for _ in range(100)))
    assert len(harness.runner.jobs) == 1


async def test_a_stored_answer_is_served_after_a_restart(harness: Harness) -> None:
    await harness.compute()
    async with harness.new_scheduler().running() as scheduler:
        assert winner(await scheduler.get(DEFAULT)) == "nm1"
    assert len(harness.runner.jobs) == 1


async def test_changed_inputs_make_the_answer_stale_while_a_new_one_is_computed(harness: Harness) -> None:
    await harness.compute()
    harness.runner.may_end.clear()
    harness.inputs.version = 2
    status = await harness.get()
    assert (winner(status), status.stale, status.running) == ("nm1", True, True)
    status = await harness.compute()
    assert (winner(status), status.stale, status.running) == ("nm2", False, False)


async def test_inputs_that_change_during_the_computation_make_its_answer_stale(harness: Harness) -> None:
    await harness.get()
    await run_tasks()
    harness.inputs.version = 2
    status = await harness.compute()
    assert (winner(status), status.stale, status.running) == ("nm1", True, True)


async def test_a_new_version_of_the_jobs_makes_the_answer_stale(harness: Harness) -> None:
    await harness.compute()
    async with harness.new_scheduler(version="2").running() as scheduler:
        assert (await scheduler.get(DEFAULT)).stale


async def test_a_refresh_computes_even_if_nothing_has_changed(harness: Harness) -> None:
    await harness.compute()
    harness.runner.may_end.clear()
    status = await harness.get(refresh=True)
    assert (status.running, status.stale) == (True, False)
    assert winner(await harness.compute()) == "nm2"
    assert harness.runner.jobs[1].refresh


async def test_the_two_questions_are_computed_in_parallel(harness: Harness) -> None:
    await harness.get()
    await harness.get(MOST_CONNECTED.query())
    await run_tasks()
    assert harness.runner.max_running == 2


async def test_queries_for_the_same_question_wait_for_each_other(harness: Harness) -> None:
    await harness.get()
    await run_tasks()
    status = await harness.get(with_films(5))
    assert (status.running, status.stage) == (True, "waiting for another computation to finish")
    await harness.compute()
    assert (len(harness.runner.jobs), harness.runner.max_running) == (2, 1)


async def test_the_default_query_goes_before_others(harness: Harness) -> None:
    for films in (1, 2, 3):
        await harness.get(with_films(films))
    await harness.compute()
    assert [dict(job.options)["min_films"] for job in harness.runner.jobs] == [10, 1, 2, 3]


async def test_the_queue_is_bounded_but_takes_the_default_query(harness: Harness) -> None:
    for films in range(1, MAX_WAITING + 1):
        await harness.get(with_films(films))
    await run_tasks()  # the first one runs
    await harness.get(with_films(100))
    with pytest.raises(Unavailable, match="too many"):
        await harness.get(with_films(101))
    assert (await harness.get()).running


async def test_the_number_of_stored_answers_is_bounded(harness: Harness) -> None:
    await harness.compute()
    for films in range(1, 3 * MAX_STORED):
        await harness.get(with_films(films))
        await run_tasks()
    assert len(harness.scheduler._entries) <= MAX_STORED + 1
    assert len(harness.storage.files) == MAX_STORED
    assert f"{DEFAULT.name}.json" in harness.storage.files


@pytest.mark.parametrize(("films", "votes"), [(-1, 0), (1001, 0), (0, -1), (0, 10**9 + 1)])
def test_arguments_out_of_range_are_refused(films: int, votes: int) -> None:
    with pytest.raises(InvalidArgument):
        BEST_DIRECTOR.query(min_films=films, min_votes=votes)


async def test_without_an_answer_a_failure_is_unavailable_with_its_reason(harness: Harness) -> None:
    await harness.get()
    harness.runner.fail("there is no Java")
    await run_tasks()
    with pytest.raises(Unavailable, match="there is no Java"):
        await harness.get()


async def test_after_a_failure_the_old_answer_is_served_with_the_reason_and_when_to_retry(harness: Harness) -> None:
    await harness.compute()
    harness.inputs.version = 2
    harness.runner.fail("out of memory")
    await harness.get()
    await run_tasks()
    status = await harness.get()
    assert (winner(status), status.stale, status.running) == ("nm1", True, False)
    assert (status.failure, status.retry_after_s) == ("out of memory", 30)


async def test_a_failed_computation_is_repeated_after_increasing_waits(harness: Harness) -> None:
    harness.runner.fail("no")
    attempts_at = []
    for second in range(400):
        harness.clock.now = second
        before = len(harness.runner.jobs)
        try:
            await harness.get()
        except Unavailable:
            continue
        await run_tasks()
        assert len(harness.runner.jobs) == before + 1
        attempts_at.append(second)
    assert attempts_at == [0, 30, 90, 190, 290, 390]


async def test_a_success_after_a_failure_clears_it(harness: Harness) -> None:
    harness.runner.fail("no")
    await harness.get()
    await run_tasks()
    harness.runner.failure = None
    harness.clock.now = 31
    status = await harness.compute()
    assert (winner(status), status.failure) == ("nm2", "")


async def test_after_changed_inputs_the_first_wait_applies(harness: Harness) -> None:
    harness.runner.fail("a cut file")
    for second in (0, 30, 90):  # the next would be at 190
        harness.clock.now = second
        await harness.get()
        await run_tasks()
    harness.inputs.version = 2
    harness.clock.now = 121
    assert (await harness.get()).running


async def test_a_refresh_ignores_the_back_off(harness: Harness) -> None:
    harness.runner.fail("there is no Java")
    await harness.get()
    await run_tasks()
    assert (await harness.get(refresh=True)).running


async def test_users_are_not_shown_an_unexpected_error(harness: Harness) -> None:
    harness.runner.failure = ZeroDivisionError("password=hunter2")
    harness.runner.may_end.set()
    await harness.get()
    await run_tasks()
    with pytest.raises(Unavailable, match="the job failed; the Spark connector's log says why"):
        await harness.get()


@pytest.mark.parametrize(
    "result", [{"answer": {"winner": 7}}, {"answer": {"error": "no"}}, {"answer": 3}, {"winner": {}}, [1]]
)
async def test_a_result_without_an_answer_is_a_failure(harness: Harness, result: Any) -> None:
    harness.runner.result = result
    harness.runner.may_end.set()
    await harness.get()
    await run_tasks()
    with pytest.raises(Unavailable, match="the job failed"):
        await harness.get()
    assert not harness.storage.files


async def test_missing_inputs_are_named_and_computed_once_they_are_there(harness: Harness) -> None:
    harness.inputs.missing = "title.crew.tsv is missing"
    with pytest.raises(Unavailable, match=r"title\.crew\.tsv is missing"):
        await harness.get()
    harness.inputs.missing = ""
    assert (await harness.get()).running


async def test_missing_inputs_leave_the_old_answer_stale(harness: Harness) -> None:
    await harness.compute()
    harness.inputs.missing = "title.crew.tsv is missing"
    status = await harness.get()
    assert (winner(status), status.stale, status.failure) == ("nm1", True, "title.crew.tsv is missing")


async def test_an_answer_that_cannot_be_stored_is_served(harness: Harness) -> None:
    harness.storage.full = True
    assert winner(await harness.compute()) == "nm1"


async def test_an_answer_is_served_while_it_is_being_stored(harness: Harness) -> None:
    harness.storage.delay = 1000
    status = await harness.compute()
    assert (winner(status), status.running) == ("nm1", False)
    assert not harness.storage.files


async def test_shutdown_waits_for_an_answer_that_is_being_stored(harness: Harness) -> None:
    harness.storage.delay = 100
    harness.runner.may_end.set()
    async with harness.new_scheduler().running() as scheduler:
        await scheduler.get(DEFAULT)
        await run_tasks()
    assert f"{DEFAULT.name}.json" in harness.storage.files


async def test_shutdown_cancels_running_computations(harness: Harness) -> None:
    async with harness.new_scheduler().running() as scheduler:
        await scheduler.get(DEFAULT)
        await scheduler.get(MOST_CONNECTED.query())
        await run_tasks()
    assert harness.runner.cancelled == 2
