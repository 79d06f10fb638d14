"""The Spark connector with DuckDB: the real jobs over the sample, and fake jobs."""

import os
import shutil
from pathlib import Path

import psutil
import pytest

from services.common.errors import InvalidArgument
from services.spark_connector.settings import SparkSettings
from tests.integration.spark_connector.connector import (
    SAMPLE,
    FakeJobs,
    answered,
    connector,
    settings,
    until,
)


@pytest.fixture
def fake_jobs(tmp_path: Path) -> FakeJobs:
    return FakeJobs.create(tmp_path)


@pytest.fixture
def job_settings(fake_jobs: FakeJobs, tmp_path: Path) -> SparkSettings:
    shutil.copytree(SAMPLE, tmp_path / "imdb")
    return settings(
        tmp_path, spark_jobs=fake_jobs.programs, imdb_files=str(tmp_path / "imdb"), retry_first_s=0.5, retry_longest_s=1
    )


async def test_both_questions_are_answered_from_the_sample(tmp_path: Path) -> None:
    with_sample = settings(tmp_path, imdb_files=str(tmp_path / "copied"), imdb_sample=SAMPLE)
    async with connector(with_sample) as client:
        first = await client.best_director()
        assert (first.HasField("answer"), first.computation.running) == (False, True)
        director = (await until(client.best_director, answered)).answer
        connected = (await until(client.most_connected, answered)).answer
    assert director.winner.person.name
    assert len(director.films) == director.winner.films >= 10
    assert connected.winner.person.link == f"https://www.imdb.com/name/{connected.winner.person.id}/"
    assert connected.winner.coworkers >= connected.runners_up[0].coworkers > 0


async def test_arguments_change_the_answer_and_are_checked(tmp_path: Path) -> None:
    async with connector(settings(tmp_path)) as client:
        with pytest.raises(InvalidArgument, match="minFilms"):
            await client.best_director(min_films=1001)
        loose = (await until(lambda: client.best_director(min_films=1, min_votes=1), answered)).answer
        nobody = (await until(lambda: client.best_director(min_films=1000), answered)).answer
    assert loose.winner.films >= 1
    assert not nobody.HasField("winner")


async def test_a_running_job_has_a_stage_and_progress(fake_jobs: FakeJobs, job_settings: SparkSettings) -> None:
    fake_jobs.pause()
    async with connector(job_settings) as client:
        running = await until(client.best_director, lambda response: response.computation.progress > 0)
    assert (running.computation.stage, running.computation.progress) == ("counting", 0.25)
    assert running.computation.retry_after_s >= 1


async def test_after_a_restart_a_stored_answer_is_served_until_a_file_of_the_question_changes(
    fake_jobs: FakeJobs, job_settings: SparkSettings, tmp_path: Path
) -> None:
    async with connector(job_settings) as client:
        before = await until(client.best_director, answered)
    os.utime(tmp_path / "imdb" / "title.principals.tsv")  # read for the other question only
    async with connector(job_settings) as client:
        assert await client.best_director() == before
    assert len(fake_jobs.started) == 1


async def test_a_touched_input_makes_the_answer_stale_until_it_is_recomputed(
    fake_jobs: FakeJobs, job_settings: SparkSettings, tmp_path: Path
) -> None:
    async with connector(job_settings) as client:
        await until(client.best_director, answered)
        fake_jobs.pause()
        os.utime(tmp_path / "imdb" / "title.crew.tsv")
        stale = await client.best_director()
        assert (stale.answer.winner.person.id, stale.computation.stale, stale.computation.running) == (
            "nm1",
            True,
            True,
        )
        fake_jobs.resume()
        fresh = await until(client.best_director, lambda response: not response.computation.stale)
    assert (fresh.answer.winner.person.id, fresh.computation.running) == ("nm2", False)


async def test_after_a_failure_the_old_answer_is_served_with_the_reason_until_a_retry_succeeds(
    fake_jobs: FakeJobs, job_settings: SparkSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with connector(job_settings) as client:
        await until(client.best_director, answered)
        fake_jobs.fail(f"{tmp_path}/imdb/title.crew.tsv: 9 of 10 lines cannot be read")
        os.utime(tmp_path / "imdb" / "title.crew.tsv")
        failed = await until(client.best_director, lambda response: response.computation.failure)
        assert failed.answer.winner.person.id == "nm1"
        assert failed.computation.failure == "title.crew.tsv: 9 of 10 lines cannot be read"
        fake_jobs.succeed()
        fresh = await until(client.best_director, lambda response: not response.computation.stale)
    assert (fresh.answer.winner.person.id, fresh.computation.failure) == (f"nm{len(fake_jobs.started)}", "")
    assert "the end of the job's log" in str([vars(record).get("detail") for record in caplog.records])


async def test_a_shutdown_ends_the_running_job(fake_jobs: FakeJobs, job_settings: SparkSettings) -> None:
    fake_jobs.pause()
    async with connector(job_settings) as client:
        await until(client.best_director, lambda response: response.computation.progress > 0)
        (pid,) = fake_jobs.started
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
