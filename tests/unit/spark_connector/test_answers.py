"""When a kept answer is served, when a new one is computed, and what is said meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from seen.v1.spark_pb2 import BestDirector
from services.common.errors import InvalidArgument, Unavailable
from services.spark_connector.answers import MOST_KEPT, MOST_WAITING, Answers, Backoff, Standing
from services.spark_connector.questions import best_director, most_connected
from tests.unit.spark_connector.fakes import Clock, Films, Machine, Shelf

PLAIN = best_director(0, 0)


class World:
    """A connector's domain with everything around it in the test's hand."""

    def __init__(self) -> None:
        self.machine, self.shelf, self.films, self.clock = Machine(), Shelf(), Films(), Clock()
        self.answers = self.restarted()

    def restarted(self, version: str = "1") -> Answers:
        return Answers(self.machine, self.shelf, self.films, version, Backoff(30, 100), self.clock)

    async def computed(self) -> Standing:
        self.machine.may_end.set()
        await settle()
        return await self.answers.get(PLAIN)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    async with made.answers.running():
        yield made


async def settle() -> None:
    """Lets everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


def winner(standing: Standing) -> str:
    assert isinstance(standing.answer, BestDirector)
    return standing.answer.winner.person.id


async def test_the_first_to_ask_hears_that_it_is_being_computed(world: World) -> None:
    standing = await world.answers.get(PLAIN)
    assert (standing.answer, standing.running, standing.stale) == (None, True, False)
    assert (standing.stage, standing.progress, standing.retry_after_s) == ("starting", 0, 1)


async def test_metrics_tell_whether_a_question_is_being_computed(world: World) -> None:
    def computing() -> float | None:
        return REGISTRY.get_sample_value("seen_spark_computing", {"question": "best_director"})

    await world.answers.get(PLAIN)
    await settle()
    assert computing() == 1
    await world.computed()
    assert computing() == 0


async def test_when_to_ask_again_does_not_depend_on_how_long_the_machine_runs(world: World) -> None:
    world.clock.now = 1e6
    assert (await world.answers.get(PLAIN)).retry_after_s == 1
    await settle()
    assert (await world.answers.get(PLAIN)).retry_after_s == 1


async def test_a_running_computation_shows_its_stage_its_share_and_when_to_ask_again(world: World) -> None:
    await world.answers.get(PLAIN)
    await settle()
    world.clock.now = 8
    standing = await world.answers.get(PLAIN)
    assert (standing.stage, standing.progress, standing.retry_after_s) == ("counting", 0.5, 8)


async def test_a_computed_answer_is_served_and_nothing_runs(world: World) -> None:
    await world.answers.get(PLAIN)
    standing = await world.computed()
    assert (winner(standing), standing.running, standing.stale, standing.failure) == ("nm1", False, False, "")
    assert standing.computed_at is not None


async def test_unchanged_inputs_are_never_computed_twice(world: World) -> None:
    await world.answers.get(PLAIN)
    for _ in range(5):
        await world.computed()
    assert len(world.machine.jobs) == 1


async def test_however_many_ask_there_is_one_computation(world: World) -> None:
    await asyncio.gather(*(world.answers.get(PLAIN) for _ in range(100)))
    await settle()
    await asyncio.gather(*(world.answers.get(PLAIN, refresh=True) for _ in range(100)))
    assert len(world.machine.jobs) == 1


async def test_a_restarted_connector_serves_the_kept_answer(world: World) -> None:
    await world.answers.get(PLAIN)
    await world.computed()
    async with world.restarted().running() as answers:
        assert winner(await answers.get(PLAIN)) == "nm1"
    assert len(world.machine.jobs) == 1


async def test_changed_inputs_make_the_answer_stale_while_a_new_one_is_computed(world: World) -> None:
    await world.answers.get(PLAIN)
    await world.computed()
    world.machine.may_end.clear()
    world.films.version = 2
    standing = await world.answers.get(PLAIN)
    assert (winner(standing), standing.stale, standing.running) == ("nm1", True, True)
    standing = await world.computed()
    assert (winner(standing), standing.stale, standing.running) == ("nm2", False, False)


async def test_inputs_that_change_during_the_computation_make_its_answer_stale(world: World) -> None:
    await world.answers.get(PLAIN)
    await settle()
    world.films.version = 2
    standing = await world.computed()
    assert (winner(standing), standing.stale, standing.running) == ("nm1", True, True)


async def test_new_versions_of_the_jobs_make_the_answer_stale(world: World) -> None:
    await world.answers.get(PLAIN)
    await world.computed()
    async with world.restarted(version="2").running() as answers:
        assert (await answers.get(PLAIN)).stale


async def test_a_refresh_computes_though_nothing_has_changed(world: World) -> None:
    await world.answers.get(PLAIN)
    await world.computed()
    world.machine.may_end.clear()
    standing = await world.answers.get(PLAIN, refresh=True)
    assert (standing.running, standing.stale) == (True, False)
    assert winner(await world.computed()) == "nm2"
    assert world.machine.jobs[1].again


async def test_the_two_questions_are_computed_side_by_side(world: World) -> None:
    await world.answers.get(PLAIN)
    await world.answers.get(most_connected())
    await settle()
    assert world.machine.most_at_once == 2


async def test_other_thresholds_wait_their_turn_and_say_so(world: World) -> None:
    await world.answers.get(PLAIN)
    await settle()
    standing = await world.answers.get(best_director(5, 100))
    assert (standing.running, standing.stage) == (True, "waiting for another computation to end")
    await world.computed()
    assert (len(world.machine.jobs), world.machine.most_at_once) == (2, 1)


async def test_the_plain_question_goes_before_other_thresholds(world: World) -> None:
    for films in (1, 2, 3):
        await world.answers.get(best_director(films, 0))
    await world.answers.get(PLAIN)
    await world.computed()
    assert [dict(job.asked.arguments)["min_films"] for job in world.machine.jobs] == [10, 1, 2, 3]


async def test_only_so_many_thresholds_may_wait(world: World) -> None:
    for films in range(1, MOST_WAITING + 1):
        await world.answers.get(best_director(films, 1))
    await settle()  # the first one runs
    await world.answers.get(best_director(100, 1))
    with pytest.raises(Unavailable, match="too many"):
        await world.answers.get(best_director(101, 1))
    assert (await world.answers.get(PLAIN)).running


async def test_what_anyone_can_make_us_remember_is_bounded(world: World) -> None:
    world.machine.may_end.set()
    for films in range(1, 3 * MOST_KEPT):
        await world.answers.get(best_director(films, 1))
        await settle()
    assert len(world.answers._slots) <= MOST_KEPT + 1
    assert world.shelf.forgotten[-1][2] == MOST_KEPT
    assert PLAIN.name in world.shelf.forgotten[-1][1]


@pytest.mark.parametrize(("films", "votes"), [(-1, 0), (1001, 0), (0, -1), (0, 10**9 + 1)])
def test_thresholds_out_of_range_are_refused(films: int, votes: int) -> None:
    with pytest.raises(InvalidArgument):
        best_director(films, votes)


async def test_with_nothing_kept_a_failure_is_unavailable_with_its_reason(world: World) -> None:
    await world.answers.get(PLAIN)
    world.machine.fails("there is no Java")
    await settle()
    with pytest.raises(Unavailable, match="there is no Java"):
        await world.answers.get(PLAIN)


async def test_a_failure_keeps_the_old_answer_and_says_why_and_when_it_is_tried_again(world: World) -> None:
    await world.answers.get(PLAIN)
    await world.computed()
    world.films.version = 2
    world.machine.fails("out of memory")
    await world.answers.get(PLAIN)
    await settle()
    standing = await world.answers.get(PLAIN)
    assert (winner(standing), standing.stale, standing.running) == ("nm1", True, False)
    assert (standing.failure, standing.retry_after_s) == ("out of memory", 30)


async def test_a_failed_computation_is_tried_again_after_its_time_and_each_time_later(world: World) -> None:
    world.machine.fails("no")
    tried_at = []
    for second in range(400):
        world.clock.now = second
        before = len(world.machine.jobs)
        try:
            await world.answers.get(PLAIN)
        except Unavailable:
            continue
        await settle()
        assert len(world.machine.jobs) == before + 1
        tried_at.append(second)
    assert tried_at == [0, 30, 90, 190, 290, 390]


async def test_a_success_after_a_failure_clears_it(world: World) -> None:
    world.machine.fails("no")
    await world.answers.get(PLAIN)
    await settle()
    world.machine.failure = None
    world.clock.now = 31
    await world.answers.get(PLAIN)
    standing = await world.computed()
    assert (winner(standing), standing.failure) == ("nm2", "")


async def test_changed_inputs_are_tried_after_the_first_short_wait(world: World) -> None:
    world.machine.fails("a cut file")
    for second in (0, 30, 90):  # the next would be at 190
        world.clock.now = second
        await world.answers.get(PLAIN)
        await settle()
    world.films.version = 2
    world.clock.now = 121
    assert (await world.answers.get(PLAIN)).running


async def test_a_refresh_does_not_wait_for_the_back_off(world: World) -> None:
    world.machine.fails("there is no Java")
    await world.answers.get(PLAIN)
    await settle()
    assert (await world.answers.get(PLAIN, refresh=True)).running


async def test_a_fault_in_a_runner_is_a_failure_that_tells_users_nothing(world: World) -> None:
    world.machine.failure = ZeroDivisionError("password=hunter2")
    world.machine.may_end.set()
    await world.answers.get(PLAIN)
    await settle()
    with pytest.raises(Unavailable, match="the job failed; the connector's log says why"):
        await world.answers.get(PLAIN)


@pytest.mark.parametrize(
    "result", [{"winner": 7, "leftOut": {"peopleWithoutName": []}}, {"error": "no"}, [1], {"leftOut": 3}]
)
async def test_a_result_that_is_no_answer_is_a_failure(world: World, result: Any) -> None:
    world.machine.result = result
    world.machine.may_end.set()
    await world.answers.get(PLAIN)
    await settle()
    with pytest.raises(Unavailable, match="the job failed"):
        await world.answers.get(PLAIN)
    assert not world.shelf.records


async def test_missing_inputs_are_unavailable_by_name_and_computed_as_soon_as_they_come(world: World) -> None:
    world.films.missing = "title.crew.tsv is missing"
    with pytest.raises(Unavailable, match=r"title\.crew\.tsv is missing"):
        await world.answers.get(PLAIN)
    world.films.missing = ""
    assert (await world.answers.get(PLAIN)).running


async def test_missing_inputs_leave_the_old_answer_stale(world: World) -> None:
    await world.answers.get(PLAIN)
    await world.computed()
    world.films.missing = "title.crew.tsv is missing"
    standing = await world.answers.get(PLAIN)
    assert (winner(standing), standing.stale, standing.failure) == ("nm1", True, "title.crew.tsv is missing")


async def test_an_answer_that_cannot_be_kept_is_served_all_the_same(world: World) -> None:
    world.shelf.full = True
    await world.answers.get(PLAIN)
    assert winner(await world.computed()) == "nm1"


async def test_an_answer_that_is_still_being_kept_is_served_as_fresh(world: World) -> None:
    world.shelf.slow = 1000
    await world.answers.get(PLAIN)
    standing = await world.computed()
    assert (winner(standing), standing.running) == ("nm1", False)
    assert not world.shelf.records


async def test_leaving_waits_for_an_answer_that_is_being_kept(world: World) -> None:
    world.shelf.slow = 100
    world.machine.may_end.set()
    async with world.restarted().running() as answers:
        await answers.get(PLAIN)
        await settle()
    assert PLAIN.name in world.shelf.records


async def test_leaving_cancels_what_runs_and_waits_for_its_end(world: World) -> None:
    async with world.restarted().running() as answers:
        await answers.get(PLAIN)
        await answers.get(most_connected())
        await settle()
    assert world.machine.cancelled == 2
