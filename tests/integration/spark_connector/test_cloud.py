"""The runners in the cloud, against a real gRPC server of Dataproc's protocol and a Cloud Storage emulator.

What is submitted runs as a process here: a stand-in for most tests, the real job under spark-submit for one.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.cloud.dataproc_v1 import JobStatus

from services.common.errors import user_message
from services.spark_connector.answers import Answers, Backoff
from services.spark_connector.bucket import Bucket
from services.spark_connector.inputs import BucketInputs
from services.spark_connector.records import BucketRecords
from services.spark_connector.runners.batches import Batches
from services.spark_connector.runners.cloud import CloudRunner, Cluster
from services.spark_connector.runners.dataproc import DataprocCluster
from services.spark_connector.runners.program import Program
from services.spark_connector.settings import ROOT
from tests.integration.spark_connector.cloud import Cloud, Storage, storage_emulator
from tests.integration.spark_connector.connector import (
    SAMPLE,
    StandIn,
    answered,
    connector,
    connector_of,
    failing,
    settings,
    until,
)
from tests.integration.spark_connector.spark import needs_java, with_spark_submit

BUSY = [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED]


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    with storage_emulator() as running:
        yield running


@dataclass
class World:
    """A project in the cloud with the sample's files in a bucket, and connectors that use it."""

    cloud: Cloud
    stand_in: StandIn
    folder: Path
    kind: str = "dataproc"
    cluster: str = "seen"
    time_limit_s: float = 60
    program: Program = field(init=False)

    def __post_init__(self) -> None:
        self.program = Program(self.stand_in.jobs)

    def bucket(self, prefix: str) -> Bucket:
        return Bucket(f"gs://{self.cloud.bucket}/{prefix}", self.cloud.storage.client)

    def connect(self) -> Cluster:
        if self.kind == "batches":
            return Batches(self.cloud.batch_client(), "project", "europe-west1", "2.2", self.time_limit_s)
        return DataprocCluster(self.cloud.job_client(), "project", "europe-west1", self.cluster)

    def connector(self) -> Any:
        """A connector of its own, as a restart or a second replica would be."""
        runner = CloudRunner(
            self.connect,
            self.kind,
            self.program,
            self.bucket("spark"),
            self.time_limit_s,
            lambda url: Bucket(url, self.cloud.storage.client),
            first_look_s=0.05,
        )
        records, source = BucketRecords(self.bucket("answers")), BucketInputs(self.bucket("imdb"), keep_s=0.2)
        return connector_of(
            Answers(runner, records, source, self.program.version, Backoff(0.3, 1)), settings(self.folder)
        )

    def touch(self, name: str) -> None:
        self.cloud.storage.put(self.cloud.bucket, {f"imdb/{name}": SAMPLE / name})


@pytest.fixture
async def world(tmp_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr("services.spark_connector.patience.FIRST_WAIT_S", 0.02)
    name = f"seen-{tmp_path.name.replace('_', '-')[:50]}"
    storage.make_bucket(name)
    storage.put(name, {f"imdb/{file.name}": file for file in SAMPLE.glob("*.tsv")})
    cloud = Cloud(storage, name, tmp_path / "cluster")
    cloud.start()
    try:
        yield World(cloud, StandIn.in_folder(tmp_path), tmp_path)
    finally:
        await asyncio.to_thread(cloud.end)


@pytest.fixture(params=["dataproc", "batches"])
def either(request: pytest.FixtureRequest, world: World) -> World:
    world.kind = request.param
    return world


def running(stage: str) -> Callable[[Any], bool]:
    return lambda response: bool(response.computation.stage == stage)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return " ".join(str(vars(record).get("detail")) for record in caplog.records)


async def test_a_job_is_submitted_followed_and_its_answer_kept(either: World) -> None:
    either.stand_in.wait()
    async with either.connector() as client:
        assert (await client.best_director()).computation.running
        await until(client.best_director, running("counting"))
        either.stand_in.go_on()
        response = await until(client.best_director, answered)
    assert response.answer.winner.person.id == "nm1"
    async with either.connector() as client:
        assert await client.best_director() == response
    assert len(either.cloud.submitted) == 1


async def test_what_is_submitted_is_named_by_its_key_and_carries_links_only(world: World) -> None:
    async with world.connector() as client:
        await until(client.best_director, answered)
    ((job_id, submitted),) = world.cloud.submitted.items()
    assert job_id.startswith("best-director-")
    assert job_id.endswith("-0")
    assert submitted.request_id == job_id
    assert len(submitted.request_id) <= 40  # Dataproc takes no more
    job = submitted.message.pyspark_job
    assert job.main_python_file_uri.startswith(f"gs://{world.cloud.bucket}/spark/jobs/")
    assert list(job.args) == [
        f"--inputs=gs://{world.cloud.bucket}/imdb",
        f"--output=gs://{world.cloud.bucket}/spark/runs/{job_id}/result.json",
        "--min-films=10",
        "--min-votes=10000",
    ]


async def test_job_files_are_uploaded_once(world: World) -> None:
    async with world.connector() as client:
        await until(client.best_director, answered)
        before = await world.bucket("spark/jobs").list("")
        await until(lambda: client.best_director(min_films=5), answered)
    assert await world.bucket("spark/jobs").list("") == before
    assert len(before) == 2


async def test_what_a_job_says_of_itself_is_told(either: World) -> None:
    either.stand_in.wait()
    async with either.connector() as client:
        told = await until(client.best_director, lambda response: response.computation.progress > 0)
    assert (told.computation.stage, told.computation.progress) == ("counting", 0.25)


async def test_where_a_jobs_log_cannot_be_read_yarns_progress_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.stand_in.wait()
    monkeypatch.setattr(world.cloud, "show_log", lambda job_id: world.cloud.yarn_progress(job_id, 0.4))
    async with world.connector() as client:
        told = await until(client.best_director, running("running on the cluster"))
    assert told.computation.progress == pytest.approx(0.4)


async def test_a_changed_object_makes_the_answer_stale_and_then_fresh(world: World) -> None:
    async with world.connector() as client:
        await until(client.best_director, answered)
        world.touch("title.crew.tsv")
        stale = await until(client.best_director, lambda response: response.computation.stale)
        assert stale.answer.winner.person.id == "nm1"
        fresh = await until(client.best_director, lambda response: not response.computation.stale)
    assert fresh.answer.winner.person.id == "nm2"


async def test_a_failed_job_says_little_to_users_and_where_its_log_is_to_us(
    either: World, caplog: pytest.LogCaptureFixture
) -> None:
    either.stand_in.fail("KeyError: password")
    async with either.connector() as client:
        error = await failing(client.best_director)
        assert (error.code(), user_message(error)) == (
            grpc.StatusCode.UNAVAILABLE,
            "the job failed; the connector's log says why",
        )
        (job_id,) = either.cloud.submitted
        assert f"its driver's log: {either.cloud.driver_log(job_id)}" in logged(caplog)
        assert "the end of the job's log" in logged(caplog)
        either.stand_in.succeed()
        await until(_patient(client.best_director), answered)
    assert [each[-2:] for each in either.cloud.submitted] == [
        f"-{number}" for number in range(len(either.cloud.submitted))
    ]


async def test_what_is_wrong_with_the_files_is_told_without_saying_where_they_are(world: World) -> None:
    world.stand_in.fail(f"gs://{world.cloud.bucket}/imdb/title.crew.tsv: 9 of 10 lines cannot be read")
    async with world.connector() as client:
        error = await failing(client.best_director)
    assert user_message(error) == "title.crew.tsv: 9 of 10 lines cannot be read"


def _patient(call: Callable[[], Any]) -> Callable[[], Any]:
    """Asks on where the answer is UNAVAILABLE."""

    async def ask() -> Any:
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.02)

    return ask


async def test_a_job_over_its_time_is_cancelled(either: World) -> None:
    either.stand_in.wait()
    either.time_limit_s = 1.5
    async with either.connector() as client:
        error = await failing(client.best_director)
        assert "took longer than the 2 seconds" in user_message(error)
    (message, *_) = either.cloud.messages
    assert "CANCELLED" in str(message)
    await until(_gone(either.stand_in.started[0]), bool)


def _gone(pid: int) -> Callable[[], Any]:
    async def gone() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    return gone


async def test_a_throttled_cloud_is_asked_again(either: World) -> None:
    either.cloud.faults = {method: list(BUSY) for method in ("SubmitJob", "GetJob", "ListJobs")}
    either.cloud.faults |= {method: list(BUSY) for method in ("CreateBatch", "GetBatch", "ListBatches")}
    async with either.connector() as client:
        response = await until(client.best_director, answered)
    assert response.computation.failure == ""
    assert len(either.cloud.submitted) == 1


async def test_a_submission_whose_answer_was_lost_starts_no_second_job(either: World) -> None:
    either.cloud.faults = {"SubmitJob": ["answer lost"], "CreateBatch": ["answer lost"]}
    async with either.connector() as client:
        await until(client.best_director, answered)
    assert len(either.stand_in.started) == 1


async def test_a_server_that_goes_away_while_a_job_runs_is_waited_for(world: World) -> None:
    world.stand_in.wait()
    async with world.connector() as client:
        await until(client.best_director, running("counting"))
        await asyncio.to_thread(world.cloud.stop)
        await asyncio.sleep(0.5)
        world.stand_in.go_on()
        assert (await client.best_director()).computation.running
        world.cloud.start()
        response = await until(client.best_director, answered)
    assert (response.computation.failure, len(world.cloud.submitted)) == ("", 1)


async def test_a_cloud_that_does_not_answer_at_all_is_a_failure_that_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.spark_connector.runners.cloud.SUBMIT_WITHIN_S", 0.3)
    await asyncio.to_thread(world.cloud.stop)
    async with world.connector() as client:
        error = await failing(client.best_director)
    assert user_message(error) == "Dataproc does not answer"


async def test_a_refusal_tells_users_nothing_of_the_project(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.cluster = "no-such-cluster"
    async with world.connector() as client:
        error = await failing(client.best_director)
    assert user_message(error) == "Dataproc refused the job; the connector's log says why"
    assert "no-such-cluster" in logged(caplog)


async def test_a_restarted_connector_picks_the_running_job_up_again(either: World) -> None:
    either.stand_in.wait()
    async with either.connector() as client:
        await until(client.best_director, lambda response: either.stand_in.started)
    (pid,) = either.stand_in.started
    assert psutil.pid_exists(pid)  # a job in the cloud outlives the connector
    async with either.connector() as client:
        await until(client.best_director, running("counting"))
        either.stand_in.go_on()
        response = await until(client.best_director, answered)
    assert (response.answer.winner.person.id, len(either.cloud.submitted)) == ("nm1", 1)


async def test_a_job_that_ended_while_no_connector_ran_is_not_run_again(world: World) -> None:
    world.stand_in.wait()
    async with world.connector() as client:
        await until(client.best_director, lambda response: world.stand_in.started)
    world.stand_in.go_on()
    await until(_state(world, JobStatus.State.DONE), bool)
    async with world.connector() as client:
        await until(client.best_director, answered)
    assert len(world.stand_in.started) == 1


def _state(world: World, state: int) -> Callable[[], Any]:
    async def reached() -> bool:
        return all(job.status.state == state for job in world.cloud.messages)

    return reached


async def test_two_connectors_share_one_job(either: World) -> None:
    either.stand_in.wait()
    async with either.connector() as one, either.connector() as other:
        await asyncio.gather(one.best_director(), other.best_director())
        await until(one.best_director, running("counting"))
        await until(other.best_director, running("counting"))
        either.stand_in.go_on()
        await until(one.best_director, answered)
        await until(other.best_director, answered)
    assert len(either.stand_in.started) == 1


async def test_an_id_that_a_lagging_list_did_not_show_is_not_in_the_way(world: World) -> None:
    world.stand_in.fail("no")
    async with world.connector() as client:
        await failing(client.best_director)
    world.stand_in.succeed()
    world.cloud.lists_lag = True
    async with world.connector() as client:
        await until(client.best_director, answered)
    assert [job_id[-2:] for job_id in world.cloud.submitted] == ["-0", "-1"]


async def test_a_refresh_runs_a_new_job_though_one_of_that_key_is_done(world: World) -> None:
    async with world.connector() as client:
        await until(client.best_director, answered)
        await client.best_director(refresh=True)
        await until(
            client.best_director, lambda response: answered(response) and response.answer.winner.person.id == "nm2"
        )
    assert [job_id[-2:] for job_id in world.cloud.submitted] == ["-0", "-1"]


async def test_a_done_job_without_a_result_is_a_failure_and_then_tried_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.cloud.loses_results = True
    async with world.connector() as client:
        await failing(client.best_director)
        assert "left no result" in logged(caplog)
        world.cloud.loses_results = False
        await until(_patient(client.best_director), answered)


async def test_a_deleted_job_is_a_failure(world: World) -> None:
    world.stand_in.wait()
    async with world.connector() as client:
        await until(client.best_director, running("counting"))
        world.cloud.forget_all()
        error = await failing(client.best_director)
    assert user_message(error) == "the job was deleted while it ran"


@needs_java
async def test_the_real_job_runs_on_a_cluster_as_it_does_here(world: World) -> None:
    world.program = Program(ROOT / "spark_jobs")
    world.cloud.launch = with_spark_submit
    async with connector(settings(world.folder)) as client:
        here = await until(client.best_director, answered)
    async with world.connector() as client:
        there = await until(client.best_director, answered, seconds=90)
    assert there.answer == here.answer


logging.getLogger("gcp_storage_emulator").setLevel(logging.ERROR)
