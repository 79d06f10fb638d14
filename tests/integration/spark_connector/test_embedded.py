"""The connector with its embedded runner, through real gRPC: with the real jobs over the sample, and with stand-ins."""

import asyncio
import os
import shutil
from pathlib import Path

import grpc
import psutil
import pytest

from services.common.errors import user_message
from services.spark_connector.settings import SparkSettings
from tests.integration.spark_connector.connector import (
    SAMPLE,
    StandIn,
    answered,
    connector,
    failing,
    settings,
    until,
)


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    return StandIn.in_folder(tmp_path)


@pytest.fixture
def with_stand_in(stand_in: StandIn, tmp_path: Path) -> SparkSettings:
    shutil.copytree(SAMPLE, tmp_path / "imdb")
    return settings(
        tmp_path, spark_jobs=stand_in.jobs, imdb_files=str(tmp_path / "imdb"), retry_first_s=0.5, retry_longest_s=1
    )


async def test_both_questions_are_answered_from_the_sample_out_of_the_box(tmp_path: Path) -> None:
    asked = settings(tmp_path, imdb_files=str(tmp_path / "placed"), imdb_sample=SAMPLE)
    async with connector(asked) as client:
        first = await client.best_director()
        assert (first.HasField("answer"), first.computation.running) == (False, True)
        director = (await until(client.best_director, answered)).answer
        connected = (await until(client.most_connected, answered)).answer
    assert director.winner.person.name
    assert len(director.films) == director.winner.films >= 10
    assert connected.winner.person.link == f"https://www.imdb.com/name/{connected.winner.person.id}/"
    assert connected.winner.coworkers >= connected.runners_up[0].coworkers > 0


async def test_thresholds_change_the_answer(tmp_path: Path) -> None:
    async with connector(settings(tmp_path)) as client:
        loose = (await until(lambda: client.best_director(min_films=1, min_votes=1), answered)).answer
        nobody = (await until(lambda: client.best_director(min_films=1000), answered)).answer
    assert loose.winner.films >= 1
    assert not nobody.HasField("winner")


async def test_thresholds_out_of_range_are_refused_by_name(tmp_path: Path) -> None:
    async with connector(settings(tmp_path)) as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.best_director(min_films=1001)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "minFilms" in user_message(refused.value)


async def test_while_a_job_runs_its_stage_and_share_are_told(stand_in: StandIn, with_stand_in: SparkSettings) -> None:
    stand_in.wait()
    async with connector(with_stand_in) as client:
        told = await until(client.best_director, lambda response: response.computation.progress > 0)
    assert (told.computation.stage, told.computation.progress) == ("counting", 0.25)
    assert told.computation.retry_after_s >= 1


async def test_after_a_restart_the_answer_is_there_at_once(stand_in: StandIn, with_stand_in: SparkSettings) -> None:
    async with connector(with_stand_in) as client:
        before = await until(client.best_director, answered)
    async with connector(with_stand_in) as client:
        assert await client.best_director() == before
    assert len(stand_in.started) == 1


async def test_touching_an_input_makes_the_answer_stale_and_then_fresh_again(
    stand_in: StandIn, with_stand_in: SparkSettings, tmp_path: Path
) -> None:
    async with connector(with_stand_in) as client:
        await until(client.best_director, answered)
        stand_in.wait()
        os.utime(tmp_path / "imdb" / "title.crew.tsv")
        stale = await client.best_director()
        assert (stale.answer.winner.person.id, stale.computation.stale, stale.computation.running) == (
            "nm1",
            True,
            True,
        )
        stand_in.go_on()
        fresh = await until(client.best_director, lambda response: not response.computation.stale)
    assert (fresh.answer.winner.person.id, fresh.computation.running) == ("nm2", False)


async def test_a_file_that_the_question_does_not_read_may_change(
    stand_in: StandIn, with_stand_in: SparkSettings, tmp_path: Path
) -> None:
    async with connector(with_stand_in) as client:
        await until(client.best_director, answered)
        os.utime(tmp_path / "imdb" / "title.principals.tsv")
        assert not (await client.best_director()).computation.stale


async def test_a_failing_job_keeps_the_old_answer_says_why_and_is_tried_again_later(
    stand_in: StandIn, with_stand_in: SparkSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with connector(with_stand_in) as client:
        await until(client.best_director, answered)
        stand_in.fail(f"{tmp_path}/imdb/title.crew.tsv: 9 of 10 lines cannot be read")
        os.utime(tmp_path / "imdb" / "title.crew.tsv")
        failed = await until(client.best_director, lambda response: response.computation.failure)
        assert failed.answer.winner.person.id == "nm1"
        assert failed.computation.failure == "title.crew.tsv: 9 of 10 lines cannot be read"
        tried = len(stand_in.started)
        for _ in range(10):
            assert (await client.best_director()).computation.stale
        assert len(stand_in.started) == tried
        stand_in.succeed()
        fresh = await until(client.best_director, lambda response: not response.computation.stale)
    assert (fresh.answer.winner.person.id, fresh.computation.failure) == (f"nm{len(stand_in.started)}", "")
    assert "the end of the job's log" in str([vars(record).get("detail") for record in caplog.records])


async def test_a_fault_inside_a_job_is_not_shown_to_users(stand_in: StandIn, with_stand_in: SparkSettings) -> None:
    stand_in.fail("KeyError: password")
    async with connector(with_stand_in) as client:
        error = await failing(client.best_director)
    assert (error.code(), user_message(error)) == (
        grpc.StatusCode.UNAVAILABLE,
        "the job failed; the connector's log says why",
    )


async def test_missing_files_are_unavailable_with_what_to_do(tmp_path: Path) -> None:
    async with connector(settings(tmp_path, imdb_files=str(tmp_path / "empty"))) as client:
        error = await failing(client.most_connected)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert user_message(error).startswith("title.principals.tsv is missing: scripts/load.sh imdb")


async def test_however_many_ask_at_once_there_is_one_job(stand_in: StandIn, with_stand_in: SparkSettings) -> None:
    stand_in.wait()
    async with connector(with_stand_in) as client:
        await asyncio.gather(*(client.best_director() for _ in range(50)))
        await until(client.best_director, lambda response: response.computation.progress > 0)
        await asyncio.gather(*(client.best_director(refresh=True) for _ in range(50)))
        stand_in.go_on()
        await until(client.best_director, answered)
    assert len(stand_in.started) == 1


async def test_a_shutdown_in_the_middle_ends_the_job(stand_in: StandIn, with_stand_in: SparkSettings) -> None:
    stand_in.wait()
    async with connector(with_stand_in) as client:
        await until(client.best_director, lambda response: response.computation.progress > 0)
        (pid,) = stand_in.started
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
