"""Trainings whose pairs are counted by a job: on this machine, or in a fake Google Cloud, which runs jobs here.

In all tests but one, DuckDB counts in place of Spark, because it starts faster.
"""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random

import psutil
import pytest
import requests

from seen.v1.spark_pb2 import GetModelResponse
from seen.v1.types_pb2 import ANIME, BOOK
from services.spark_connector.runners.job_files import JobFiles
from services.spark_connector.runners.local import DuckDBRunner
from services.spark_connector.runners.process import WorkDirs
from services.spark_connector.settings import ROOT, SparkSettings
from services.spark_connector.training import cloud_pairs
from services.spark_connector.training.pairs import LocalPairCounter
from services.taste.domain import ItemRef
from services.taste.model import Model
from tests.integration.spark_connector.cloud import Harness
from tests.integration.spark_connector.connector import Client, connector, until
from tests.integration.spark_connector.fake_dataproc import with_python
from tests.integration.spark_connector.services import Services, write_ratings
from tests.integration.spark_connector.spark import needs_java, with_spark_submit


@pytest.fixture
def many_marks(seen: Services, tmp_path: Path) -> None:
    """Ratings of 80 people: half of them like more books and anime with even numbers, half with odd numbers."""
    random = Random(1)
    for item_type in (BOOK, ANIME):
        items = list(enumerate(seen.items[item_type]))
        rows = [
            f"{person},{item.source_id},{9 if number % 2 == person % 2 else 3},{1_000_000 + random.randrange(1000)}"
            for person in range(80)
            for number, item in random.sample(items, 25)
        ]
        write_ratings(tmp_path, item_type, rows)


@pytest.fixture
async def trained_with_duckdb(
    many_marks: None, with_services: SparkSettings, tmp_path: Path, cache: dict[str, Model]
) -> Model:
    """The model of these marks, whose pairs DuckDB has counted in the training's process."""
    if "model" not in cache:
        results = str(tmp_path / "duckdb")
        async with connector(with_services.model_copy(update={"results": results})) as client:
            assert (await client.trained()).computation.failure == ""
            cache["model"] = await client.whole_model()
    return cache["model"]


@pytest.fixture(scope="module")
def cache() -> dict[str, Model]:
    return {}


def learned(model: Model) -> dict[tuple[ItemRef, ItemRef], float]:
    """The weight of each neighbour of each item."""
    starts = model.neighbours.starts
    return {
        (model.ref(item), model.ref(int(model.neighbours.values[entry]))): float(model.weights[entry])
        for item in range(len(model.ids))
        for entry in range(starts[item], starts[item + 1])
    }


def assert_equal(model: Model, other: Model) -> None:
    assert len(learned(model)) > 1000
    assert learned(model) == pytest.approx(learned(other), rel=1e-4)
    assert (model.people, model.marks, model.quality) == (other.people, other.marks, other.quality)


# On this machine


async def test_with_pairs_from_a_job_on_this_machine_the_model_is_the_same(
    trained_with_duckdb: Model, with_services: SparkSettings, harness: Harness, tmp_path: Path
) -> None:
    """The job runs in DuckDB, which takes less time than Spark and has the same command line."""
    jobs = tmp_path / "results" / "jobs"
    runner = DuckDBRunner(JobFiles(ROOT / "spark_jobs"), WorkDirs(jobs, time_limit_s=60), "1g")
    async with harness.connector(with_services, LocalPairCounter(runner)) as client:
        assert (await client.trained()).computation.failure == ""
        assert_equal(await client.whole_model(), trained_with_duckdb)
    assert {path.relative_to(jobs).as_posix() for path in jobs.rglob("*") if path.is_file()} == {
        "item_pairs/job.log",
        "suggestion_model/job.log",
    }


async def test_missing_java_is_reported_and_changes_nothing(
    seen: Services, with_services: SparkSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connector(with_services) as client:
        before = await client.trained()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    async with connector(with_services.model_copy(update={"spark_runner": "spark-submit"})) as client:
        after = await client.trained()
    assert after.computation.failure.startswith("Spark needs Java, and there is none on this machine")
    assert after.model == before.model


# In the cloud


def files_of_trainings(harness: Harness) -> list[str]:
    """The files with marks, pairs and results in the bucket."""
    names = harness.cloud.storage.names
    return names(harness.cloud.bucket, "spark/training") + names(harness.cloud.bucket, "spark/runs")


async def until_started(harness: Harness, jobs: int = 1) -> None:
    async def started() -> bool:
        return len(harness.fake_jobs.started) >= jobs

    await until(started, bool, 60)


@pytest.fixture
def abandoned_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training, however short, deletes the folders whose file `alive` has not changed while it ran."""
    monkeypatch.setattr(cloud_pairs, "ALIVE_INTERVAL_S", 0.1)
    monkeypatch.setattr(cloud_pairs, "ABANDONED_S", 0)


@pytest.fixture
async def model_before(
    seen: Services, with_services: SparkSettings, harness: Harness
) -> AsyncIterator[tuple[Client, GetModelResponse]]:
    """A connector with a model that was trained with pairs from the cloud, and the status after this training."""
    await seen.mark_alike(8, seen.items[BOOK][:4])
    async with harness.connector(with_services) as client:
        before = await client.trained()
        assert (before.computation.failure, before.model.people) == ("", 8)
        yield client, before


async def test_with_pairs_from_the_cloud_the_model_is_the_same_and_the_marks_are_deleted(
    trained_with_duckdb: Model, with_services: SparkSettings, either: Harness
) -> None:
    async with either.connector(with_services) as client:
        assert (await client.trained()).computation.failure == ""
        assert_equal(await client.whole_model(), trained_with_duckdb)
    assert [attempt_id[:11] for attempt_id in either.cloud.submitted] == ["item-pairs-"]
    assert files_of_trainings(either) == []


async def test_the_model_is_trained_from_what_the_job_has_counted(
    seen: Services, with_services: SparkSettings, harness: Harness
) -> None:
    def with_three_people(main: Path, files: Sequence[Path], arguments: Sequence[str]) -> Sequence[str]:
        marks = Path(dict(argument.split("=", 1) for argument in arguments)["--inputs"], "marks.tsv")
        marks.write_text("".join(marks.read_text().splitlines(keepends=True)[:4]))
        return with_python(main, files, arguments)

    await seen.mark_alike(8, seen.items[BOOK][:1])
    harness.cloud.launch = with_three_people
    async with harness.connector(with_services) as client:
        assert (await client.trained()).model.people == 3


@needs_java
async def test_with_spark_in_the_cloud_the_model_is_the_same(
    trained_with_duckdb: Model, with_services: SparkSettings, harness: Harness
) -> None:
    harness.files = JobFiles(ROOT / "spark_jobs")
    harness.cloud.launch = with_spark_submit
    harness.time_limit_s = 300
    async with harness.connector(with_services) as client:
        assert (await client.trained(seconds=300)).computation.failure == ""
        assert_equal(await client.whole_model(), trained_with_duckdb)
    assert files_of_trainings(harness) == []


async def test_each_training_submits_a_job_with_links_to_its_own_folder(
    seen: Services, harness: Harness, model_before: tuple[Client, GetModelResponse]
) -> None:
    client, before = model_before
    await seen.delete_user("auth0|0")
    after = await client.trained()
    assert (before.model.people, after.model.people) == (8, 7)
    assert len(harness.cloud.submitted) == 2
    for job_id, submitted in harness.cloud.submitted.items():
        arguments = dict(argument.split("=", 1) for argument in submitted.message.pyspark_job.args)
        folder = arguments["--inputs"]
        assert folder.startswith(f"gs://{harness.cloud.bucket}/spark/training/{job_id.split('-')[2]}")
        assert arguments["--pairs"] == f"{folder}/pairs"


async def test_a_running_count_has_a_stage_and_progress(
    seen: Services, with_services: SparkSettings, harness: Harness
) -> None:
    harness.fake_jobs.pause()
    async with harness.connector(with_services) as client:
        await client.model(train=True)
        running = await until(client.model, lambda response: response.computation.stage == "counting", 60)
    assert 0.4 < running.computation.progress < 0.6


# Faults


async def test_a_failed_job_is_reported_and_changes_nothing(
    harness: Harness, model_before: tuple[Client, GetModelResponse]
) -> None:
    client, before = model_before
    harness.fake_jobs.fail("9 of 10 lines cannot be read")
    after = await client.trained()
    assert after.computation.failure == "9 of 10 lines cannot be read"
    assert after.model == before.model
    assert files_of_trainings(harness) == []


async def test_a_job_over_its_time_limit_is_cancelled_and_changes_nothing(
    seen: Services, with_services: SparkSettings, either: Harness
) -> None:
    either.fake_jobs.pause()
    either.time_limit_s = 1
    async with either.connector(with_services) as client:
        after = await client.trained()
    assert after.computation.failure == "the job was stopped because it exceeded its time limit of 1 seconds"
    assert "CANCELLED" in str(either.cloud.messages)
    assert files_of_trainings(either) == []


def refuse(request: requests.PreparedRequest) -> None:
    raise requests.ConnectionError("the storage does not answer")


def allow(request: requests.PreparedRequest) -> None: ...


async def test_a_bucket_that_does_not_answer_is_reported_and_changes_nothing(
    harness: Harness, model_before: tuple[Client, GetModelResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.spark_connector.storage.bucket.RETRY_TIMEOUT_S", 0.1)
    client, before = model_before
    harness.storage.before_call = refuse
    failed = await client.trained()
    assert failed.computation.failure == "Cloud Storage does not answer; try again later"
    assert failed.model == before.model
    harness.storage.before_call = allow
    assert (await client.trained()).computation.failure == ""


async def test_what_is_left_in_a_bucket_that_stops_answering_is_deleted_by_the_next_training(
    harness: Harness,
    model_before: tuple[Client, GetModelResponse],
    abandoned_at_once: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.spark_connector.storage.bucket.RETRY_TIMEOUT_S", 0.1)
    client, before = model_before
    harness.fake_jobs.pause()
    await client.model(train=True)
    await until_started(harness, jobs=2)
    harness.storage.before_call = refuse
    harness.fake_jobs.resume()
    failed = await until(client.model, lambda response: not response.computation.running, 60)
    assert failed.computation.failure == "Cloud Storage does not answer; try again later"
    assert failed.model == before.model
    harness.storage.before_call = allow
    assert any(name.endswith("/marks.tsv") for name in files_of_trainings(harness))
    assert (await client.trained()).computation.failure == ""
    assert files_of_trainings(harness) == []


async def test_a_connector_that_stops_cancels_the_job_and_leaves_nothing(
    seen: Services, with_services: SparkSettings, either: Harness
) -> None:
    await seen.mark_alike(8, seen.items[BOOK][:4])
    async with either.connector(with_services) as client:
        before = await client.trained()
        either.fake_jobs.pause()
        await client.model(train=True)
        await until_started(either, jobs=2)
        assert files_of_trainings(either) != []
    assert "CANCELLED" in str(either.cloud.messages[1])
    assert files_of_trainings(either) == []
    either.fake_jobs.resume()
    async with either.connector(with_services) as client:
        assert (await client.model()).model == before.model
        assert (await client.trained()).computation.failure == ""


async def test_an_upload_that_was_cancelled_leaves_nothing(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_pairs, "LAST_WRITE_S", 30)
    uploading, may_upload = threading.Event(), threading.Event()

    def wait(request: requests.PreparedRequest) -> None:
        if request.method == "POST" and b"marks.tsv" in request.body:  # type: ignore[operator]
            uploading.set()
            may_upload.wait(60)

    (tmp_path / "marks.tsv").write_text("person\ttype\tid\tkind\tmarked_at\n")
    harness.storage.before_call = wait
    with new_threads():
        count = asyncio.create_task(harness.pair_counter().count(tmp_path, tmp_path / "pairs", lambda *_: None))
        assert await asyncio.to_thread(uploading.wait, 60)
        count.cancel()
        asyncio.get_running_loop().call_later(0.5, may_upload.set)
        await asyncio.wait([count])
    assert count.cancelled()
    assert files_of_trainings(harness) == []


@contextmanager
def new_threads() -> Iterator[None]:
    """At the end, all calls of asyncio.to_thread in the block have ended, even if their caller was cancelled."""
    with ThreadPoolExecutor() as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        yield
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())


async def test_objects_that_hadoop_creates_for_folders_are_deleted_too(harness: Harness) -> None:
    bucket = harness.bucket("spark")
    for name in ("pairs/", "pairs/items/", "pairs/items/part-0.parquet"):
        await bucket.write(f"training/1/{name}", b"", "")
    await bucket.delete_all("training/1/")
    assert files_of_trainings(harness) == []


# Counts the pairs in a folder: emulator's port, Dataproc's port, bucket, folder.
_COUNT = """
import asyncio, sys
from pathlib import Path
from tests.integration.spark_connector.cloud import Harness
from tests.integration.spark_connector.connector import FakeJobs
from tests.integration.spark_connector.fake_dataproc import Cloud
from tests.integration.spark_connector.storage_emulator import Storage
storage, dataproc, bucket, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
cloud = Cloud(Storage(storage), bucket, folder / "cluster", port=dataproc)
counter = Harness(cloud, FakeJobs(folder), folder).pair_counter()
asyncio.run(counter.count(folder, folder / "pairs", lambda stage, share: None))
"""


async def test_the_files_and_the_job_of_a_killed_connector_are_removed_by_the_next_training(
    harness: Harness, model_before: tuple[Client, GetModelResponse], abandoned_at_once: None, tmp_path: Path
) -> None:
    client, before = model_before
    (tmp_path / "marks.tsv").write_text("person\ttype\tid\tkind\tmarked_at\n1\t1\tone\tlike\t5\n")
    harness.fake_jobs.pause()
    arguments = [str(harness.storage.port), str(harness.cloud.port), harness.cloud.bucket, str(tmp_path)]
    process = subprocess.Popen([sys.executable, "-c", _COUNT, *arguments], cwd=ROOT)  # noqa: ASYNC220
    try:
        await until_started(harness, jobs=2)
    finally:
        process.kill()
        process.wait()
    psutil.Process(harness.fake_jobs.started[1]).suspend()  # it is still running when the next training ends
    harness.fake_jobs.resume()
    assert any(name.endswith("/marks.tsv") for name in files_of_trainings(harness))
    assert (await client.model()).model == before.model
    assert (await client.trained()).computation.failure == ""
    assert files_of_trainings(harness) == []
    assert "CANCELLED" in str(harness.cloud.messages[1])


async def test_a_training_leaves_the_files_and_the_job_of_another_connector_alone(
    seen: Services, with_services: SparkSettings, harness: Harness, abandoned_at_once: None
) -> None:
    await seen.mark_alike(8, seen.items[BOOK][:4])
    harness.fake_jobs.pause()
    own = with_services.model_copy(update={"job_folder": harness.folder / "jobs"})
    async with harness.connector(with_services) as slow, harness.connector(own) as fast:
        await slow.model(train=True)
        await until_started(harness, jobs=1)
        await fast.model(train=True)
        await until_started(harness, jobs=2)
        slow_job = psutil.Process(harness.fake_jobs.started[0])
        slow_job.suspend()
        before = await harness.pair_counter()._folders()
        assert len(before) == 2
        # Both connectors rewrite their file `alive`.
        await until(harness.pair_counter()._folders, lambda now: all(now[key] != before[key] for key in before))
        harness.fake_jobs.resume()
        ended = [await until(fast.model, lambda response: not response.computation.running)]
        slow_job.resume()
        ended.append(await until(slow.model, lambda response: not response.computation.running))
    assert [(response.computation.failure, response.model.people) for response in ended] == [("", 8), ("", 8)]
    assert files_of_trainings(harness) == []
