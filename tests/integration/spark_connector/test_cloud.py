"""The cloud runners with a real gRPC server of Dataproc's protocol and a Cloud Storage emulator.

Submitted jobs are fake jobs, which run as processes on this machine. test_training_with_spark.py has a real job, under
spark-submit.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import psutil
import pytest
from google.cloud.dataproc_v1 import JobStatus

from services.common.errors import Unavailable
from services.spark_connector.computations.computation import Backoff
from tests.integration.spark_connector.cloud import Harness
from tests.integration.spark_connector.connector import (
    LIMIT_S,
    answered,
    failing,
    until,
)

BUSY = [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED]


def running(stage: str) -> Callable[[Any], bool]:
    return lambda response: bool(response.computation.stage == stage)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return " ".join(str(vars(record).get("detail")) for record in caplog.records)


async def test_a_job_is_submitted_once_reports_progress_and_its_answer_is_stored(either: Harness) -> None:
    either.fake_jobs.pause()
    async with either.connector() as client:
        assert (await client.best_director()).computation.running
        counting = await until(client.best_director, running("counting"))
        assert counting.computation.progress == 0.25
        either.fake_jobs.resume()
        response = await until(client.best_director, answered)
    assert response.answer.winner.person.id == "nm1"
    async with either.connector() as client:
        assert await client.best_director() == response
    assert len(either.cloud.submitted) == 1


async def test_a_submitted_job_is_named_by_its_key_and_has_links_to_files_that_are_uploaded_once(
    harness: Harness,
) -> None:
    async with harness.connector() as client:
        await until(client.best_director, answered)
        uploaded = await harness.bucket("spark/jobs").list("")
        await until(lambda: client.best_director(min_films=5), answered)
    assert await harness.bucket("spark/jobs").list("") == uploaded
    assert len(uploaded) == 2
    job_id, submitted = next(iter(harness.cloud.submitted.items()))
    assert job_id.startswith("best-director-")
    assert job_id.endswith("-0")
    assert submitted.request_id == job_id
    assert len(submitted.request_id) <= 40  # Dataproc's limit
    job = submitted.message.pyspark_job
    assert job.main_python_file_uri.startswith(f"gs://{harness.cloud.bucket}/spark/jobs/")
    assert list(job.args) == [
        f"--inputs=gs://{harness.cloud.bucket}/imdb",
        f"--output=gs://{harness.cloud.bucket}/spark/runs/{job_id}/result.json",
        "--min-films=10",
        "--min-votes=10000",
    ]


async def test_the_progress_of_yarn_is_reported_if_there_is_no_driver_log(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.fake_jobs.pause()
    monkeypatch.setattr(harness.cloud, "show_log", lambda job_id: harness.cloud.yarn_progress(job_id, 0.4))
    async with harness.connector() as client:
        response = await until(client.best_director, running("running on the cluster"))
    assert response.computation.progress == pytest.approx(0.4)


async def test_a_changed_object_makes_the_answer_stale_until_it_is_recomputed(harness: Harness) -> None:
    async with harness.connector() as client:
        await until(client.best_director, answered)
        harness.touch("title.crew.tsv")
        stale = await until(client.best_director, lambda response: response.computation.stale)
        assert stale.answer.winner.person.id == "nm1"
        fresh = await until(client.best_director, lambda response: not response.computation.stale)
    assert fresh.answer.winner.person.id == "nm2"


async def test_only_the_log_has_the_details_of_a_failed_job(either: Harness, caplog: pytest.LogCaptureFixture) -> None:
    either.backoff = Backoff(0.3, 1)
    either.fake_jobs.fail("KeyError: password")
    async with either.connector() as client:
        error = await failing(client.best_director)
        assert error.message == "the job failed; the Spark connector's log says why"
        job_id, *_ = either.cloud.submitted
        assert f"its driver's log: {either.cloud.driver_log(job_id)}" in logged(caplog)
        assert "the end of the job's log" in logged(caplog)
        either.fake_jobs.succeed()
        await until(_ignoring_unavailable(client.best_director), answered)
    assert [each[-2:] for each in either.cloud.submitted] == [
        f"-{number}" for number in range(len(either.cloud.submitted))
    ]


async def test_an_error_in_the_inputs_is_reported_without_their_location(harness: Harness) -> None:
    harness.fake_jobs.fail(f"gs://{harness.cloud.bucket}/imdb/title.crew.tsv: 9 of 10 lines cannot be read")
    async with harness.connector() as client:
        error = await failing(client.best_director)
    assert error.message == "title.crew.tsv: 9 of 10 lines cannot be read"


def _ignoring_unavailable(call: Callable[[], Any]) -> Callable[[], Any]:
    """Repeats the call while it raises Unavailable."""

    async def ask() -> Any:
        while True:
            try:
                return await call()
            except Unavailable:
                await asyncio.sleep(0.02)

    return ask


async def test_a_job_over_its_time_limit_is_cancelled(either: Harness) -> None:
    either.fake_jobs.pause()
    either.time_limit_s = 1.5
    async with either.connector() as client:
        error = await failing(client.best_director)
        assert "exceeded its time limit of 2 seconds" in error.message
    (submitted,) = either.cloud.submitted.values()
    assert "CANCELLED" in str(submitted.message)
    if submitted.process:  # a slow machine has not started it yet
        await asyncio.to_thread(submitted.process.wait, LIMIT_S)


async def test_throttled_calls_are_retried(either: Harness) -> None:
    either.cloud.faults = {method: list(BUSY) for method in ("SubmitJob", "GetJob", "ListJobs")}
    either.cloud.faults |= {method: list(BUSY) for method in ("CreateBatch", "GetBatch", "ListBatches")}
    async with either.connector() as client:
        response = await until(client.best_director, answered)
    assert response.computation.failure == ""
    assert len(either.cloud.submitted) == 1


async def test_a_repeated_submission_starts_no_second_job(either: Harness) -> None:
    either.cloud.faults = {"SubmitJob": ["answer lost"], "CreateBatch": ["answer lost"]}
    async with either.connector() as client:
        await until(client.best_director, answered)
    assert len(either.fake_jobs.started) == 1


async def test_a_short_outage_of_dataproc_while_a_job_runs_does_no_harm(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    async def retrying() -> bool:
        return any(record.message == "retrying" for record in caplog.records)

    caplog.set_level("INFO")
    harness.fake_jobs.pause()
    async with harness.connector() as client:
        await until(client.best_director, running("counting"))
        await asyncio.to_thread(harness.cloud.stop)
        await until(retrying, bool)
        harness.fake_jobs.resume()
        assert (await client.best_director()).computation.running
        harness.cloud.start()
        response = await until(client.best_director, answered)
    assert (response.computation.failure, len(harness.cloud.submitted)) == ("", 1)


async def test_a_longer_outage_of_dataproc_is_a_failure(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.spark_connector.runners.cloud.SUBMIT_TIMEOUT_S", 0.3)
    await asyncio.to_thread(harness.cloud.stop)
    async with harness.connector() as client:
        error = await failing(client.best_director)
    assert error.message == "Dataproc does not answer"


async def test_a_refusal_shows_users_nothing_of_the_project(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    harness.cluster = "no-such-cluster"
    async with harness.connector() as client:
        error = await failing(client.best_director)
    assert error.message == "Dataproc refused the job; the Spark connector's log says why"
    assert "no-such-cluster" in logged(caplog)


async def test_a_running_job_is_found_after_a_restart(either: Harness) -> None:
    either.fake_jobs.pause()
    async with either.connector() as client:
        await until(client.best_director, lambda response: either.fake_jobs.started)
    (pid,) = either.fake_jobs.started
    assert psutil.pid_exists(pid)  # a job in the cloud outlives the connector
    async with either.connector() as client:
        await until(client.best_director, running("counting"))
        either.fake_jobs.resume()
        response = await until(client.best_director, answered)
    assert (response.answer.winner.person.id, len(either.cloud.submitted)) == ("nm1", 1)


async def test_a_job_that_ended_while_no_connector_ran_is_not_repeated(harness: Harness) -> None:
    harness.fake_jobs.pause()
    async with harness.connector() as client:
        await until(client.best_director, lambda response: harness.fake_jobs.started)
    harness.fake_jobs.resume()
    await until(_state(harness, JobStatus.State.DONE), bool)
    async with harness.connector() as client:
        await until(client.best_director, answered)
    assert len(harness.fake_jobs.started) == 1


def _state(harness: Harness, state: int) -> Callable[[], Any]:
    async def reached() -> bool:
        return all(job.status.state == state for job in harness.cloud.messages)

    return reached


async def test_two_connectors_share_one_job(either: Harness) -> None:
    either.fake_jobs.pause()
    async with either.connector() as first, either.connector() as second:
        await asyncio.gather(first.best_director(), second.best_director())
        await until(first.best_director, running("counting"))
        await until(second.best_director, running("counting"))
        either.fake_jobs.resume()
        await until(first.best_director, answered)
        await until(second.best_director, answered)
    assert len(either.fake_jobs.started) == 1


async def test_an_id_that_a_lagging_list_does_not_show_is_skipped(harness: Harness) -> None:
    harness.fake_jobs.fail("no")
    async with harness.connector() as client:
        await failing(client.best_director)
    harness.fake_jobs.succeed()
    harness.cloud.lists_lag = True
    async with harness.connector() as client:
        await until(client.best_director, answered)
    assert [job_id[-2:] for job_id in harness.cloud.submitted] == ["-0", "-1"]


async def test_a_refresh_runs_a_new_job_even_if_one_with_its_key_is_done(harness: Harness) -> None:
    async with harness.connector() as client:
        await until(client.best_director, answered)
        await client.best_director(refresh=True)
        await until(
            client.best_director, lambda response: answered(response) and response.answer.winner.person.id == "nm2"
        )
    assert [job_id[-2:] for job_id in harness.cloud.submitted] == ["-0", "-1"]


async def test_a_done_job_without_a_result_is_a_failure_and_repeated(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.backoff = Backoff(0.3, 1)
    harness.cloud.loses_results = True
    async with harness.connector() as client:
        await failing(client.best_director)
        assert "wrote no result" in logged(caplog)
        harness.cloud.loses_results = False
        await until(_ignoring_unavailable(client.best_director), answered)


async def test_a_deleted_job_is_a_failure(harness: Harness) -> None:
    harness.fake_jobs.pause()
    async with harness.connector() as client:
        await until(client.best_director, running("counting"))
        harness.cloud.delete_all()
        error = await failing(client.best_director)
    assert error.message == "the job was deleted while it ran"
