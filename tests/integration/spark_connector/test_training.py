"""The suggestion model: trained by the real program from real accounts and datasets, stored, and served in parts."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from prometheus_client import REGISTRY

from seen.v1.types_pb2 import ANIME, BOOK, Item
from services.common import clients
from services.common.errors import Aborted, NotFound
from services.spark_connector.settings import SparkSettings
from services.spark_connector.training import model_store
from services.taste.domain import ItemRef
from tests.integration.spark_connector.connector import (
    LIMIT_S,
    NOWHERE,
    Client,
    answered,
    connect,
    connector,
    settings,
    until,
)
from tests.integration.spark_connector.services import Services, write_ratings
from tests.integration.spark_connector.test_process import Process

PROGRAM = "services.taste.train"


def programs() -> list[psutil.Process]:
    """The running training programs that this process has started."""
    running = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if PROGRAM in process.cmdline() and "guard.py" not in " ".join(process.cmdline()):
                running.append(process)
    return running


async def started_program(client: Client) -> psutil.Process:
    await client.model(train=True)

    async def first() -> psutil.Process | None:
        return next(iter(programs()), None)

    process: psutil.Process = await until(first, bool)
    return process


async def suspended(process: psutil.Process) -> bool:
    """Suspends a process. Returns False if it has already ended."""
    try:
        process.suspend()
        while process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
            await asyncio.sleep(0.01)
        return process.status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


async def test_the_first_training_needs_no_marks(with_services: SparkSettings) -> None:
    async with connector(with_services) as client:
        before = await client.model()
        assert (before.HasField("model"), before.computation.running) == (False, False)
        with pytest.raises(NotFound):
            await client.read_model()
        response = await client.trained()
        model = await client.whole_model()
    assert (response.computation.failure, response.model.people) == ("", 0)
    assert len(model.most_voted[BOOK]) > 0


async def test_a_training_learns_which_existing_items_go_together(seen: Services, with_services: SparkSettings) -> None:
    first, second = seen.items[BOOK][0], seen.items[ANIME][0]
    deleted = Item(type=BOOK, id="0" * 24)
    await seen.mark_alike(12, [first, second, deleted])
    async with connector(with_services) as client:
        response = await client.trained()
        model = await client.whole_model()
    assert response.computation.failure == ""
    assert (response.model.people, response.model.marks, response.model.items) == (12, 24, 2)
    assert (model.version, response.computation.computed_at) == (response.model.version, response.model.trained_at)
    assert model.similar(ItemRef(BOOK, first.id), 5) == [(ANIME, second.id)]
    assert (BOOK, deleted.id) not in model.positions


async def test_people_who_rate_are_training_data_and_no_stored_file_names_a_person(
    seen: Services, with_services: SparkSettings, tmp_path: Path
) -> None:
    first, second = seen.items[BOOK][:2]
    await seen.mark_alike(6, [first])
    rows = [f"Zacharias{person},{item.source_id},9," for person in range(8) for item in (first, second)]
    write_ratings(tmp_path, BOOK, rows)
    async with connector(with_services) as client:
        response = await client.trained()
        model = await client.whole_model()
    assert (response.model.people, response.model.marks) == (14, 22)
    assert [int(model.likes[model.positions[BOOK, item.id]]) for item in (first, second)] == [14, 8]
    stored = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]
    assert {path.name for path in stored} >= {model_store.MODEL, model_store.RECORD}
    for path in stored:
        assert b"auth0" not in path.read_bytes(), path
        assert b"Zacharias" not in path.read_bytes(), path


async def test_the_next_training_replaces_the_model_without_the_marks_of_deleted_accounts(
    seen: Services, with_services: SparkSettings
) -> None:
    await seen.mark_alike(7, seen.items[BOOK][:2])
    async with connector(with_services) as client:
        old = (await client.trained()).model
        at_the_end = await client.read_model(old.version, (await client.read_model(old.version)).size)
        assert at_the_end.data == b""
        await seen.delete_user("auth0|3")
        new = (await client.trained()).model
        assert new.version != old.version
        with pytest.raises(Aborted):
            await client.read_model(old.version, 0)
        assert (await client.read_model()).version == new.version
    assert (old.people, old.marks) == (7, 14)
    assert (new.people, new.marks) == (6, 12)


async def test_a_running_training_shows_its_progress_and_requests_start_no_second_one(
    with_services: SparkSettings,
) -> None:
    async with connector(with_services) as client:
        program = await started_program(client)
        program.suspend()  # so that it does not end before the assertions
        running = (await client.model()).computation
        await asyncio.gather(*(client.model(train=True) for _ in range(20)))
        assert programs() == [program]
        program.resume()
        ended = await until(client.model, lambda response: not response.computation.running)
        assert (await client.model(), programs()) == (ended, [])
    assert running.running
    assert running.stage
    assert 0.3 < running.progress < 1
    assert running.retry_after_s >= 1


async def test_a_file_without_a_valid_header_fails_the_training(with_services: SparkSettings, tmp_path: Path) -> None:
    (tmp_path / "ratings").mkdir()
    (tmp_path / "ratings" / "BOOK.csv").write_text("some,other,columns\n1,2,3\n")
    async with connector(with_services) as client:
        response = await client.trained()
    assert response.computation.failure.startswith("BOOK.csv: its first line must be person,source_id,rating,rated_at")


# Trainings that start automatically


def counted_marks() -> float:
    """How often the account service has counted the marks, which is the beginning of each check."""
    samples = (sample for metric in REGISTRY.collect() for sample in metric.samples)
    return sum(
        sample.value
        for sample in samples
        if sample.name == "grpc_server_handled_total" and sample.labels["grpc_method"] == "CountMarks"
    )


async def until_checked() -> None:
    """Waits for a whole check that begins after this call: between the second and the third count from now on."""
    before = counted_marks()

    async def checked() -> bool:
        return counted_marks() >= before + 3

    await until(checked, bool)


async def test_a_training_starts_when_a_tenth_of_the_marks_has_changed(seen: Services, tmp_path: Path) -> None:
    await seen.mark_alike(6, seen.items[BOOK][:5])
    async with connector(settings(tmp_path, **seen.addresses, training_interval_s=0.2)) as client:
        first = await until(client.model, lambda response: response.HasField("model"))
        await seen.mark("auth0|0", seen.items[ANIME][:2])  # 2 of 30
        await until_checked()
        response = await client.model()
        assert (response.model, response.computation.running) == (first.model, False)
        await seen.mark("auth0|1", seen.items[ANIME][:1])  # 3 of 30
        second = await until(client.model, lambda response: response.model.version != first.model.version)
    assert second.model.marks == 33


async def test_no_training_starts_without_marks_and_ratings(seen: Services, tmp_path: Path) -> None:
    async with connector(settings(tmp_path, **seen.addresses, training_interval_s=0.1)) as client:
        await until_checked()
        response = await client.model()
    assert (response.HasField("model"), response.computation.running) == (False, False)


async def test_loaded_ratings_start_a_training_which_is_repeated_after_a_failure(
    seen: Services, tmp_path: Path
) -> None:
    write_ratings(tmp_path, BOOK, [f"1,{seen.items[BOOK][0].source_id},9,"])
    broken = tmp_path / "ratings" / "ANIME.csv"
    broken.write_text("no,header\n")
    with_ratings = settings(
        tmp_path,
        **seen.addresses,
        training_interval_s=1,
        retry_first_s=0.5,
        retry_longest_s=1,
        ratings=str(tmp_path / "ratings"),
    )
    async with connector(with_ratings) as client:
        failed = await until(client.model, lambda response: response.computation.failure)
        assert not failed.HasField("model")
        broken.unlink()
        trained = await until(
            client.model, lambda response: response.HasField("model") and not response.computation.failure
        )
    assert trained.model.people == 1


# Faults


async def test_killing_the_program_at_any_moment_changes_nothing(seen: Services, with_services: SparkSettings) -> None:
    await seen.mark_alike(8, seen.items[BOOK][:4])
    async with connector(with_services) as client:
        last = (await client.trained()).model
        for after_s in (0, 0.2, 0.5, 0.9):
            program = await started_program(client)
            await asyncio.sleep(after_s)
            killed = await suspended(program)  # so that it does not end before it is killed
            if killed:
                program.kill()
            after = await until(client.model, lambda response: not response.computation.running)
            if not killed:  # the training was faster
                last = after.model
                continue
            assert after.computation.failure == "the job was killed, probably because memory ran out"
            assert after.model == last
            assert (await client.whole_model()).version == last.version


async def test_a_restart_during_a_training_keeps_the_model_and_leaves_no_process(
    seen: Services, with_services: SparkSettings, tmp_path: Path
) -> None:
    await seen.mark_alike(8, seen.items[BOOK][:4])
    async with connector(with_services) as client:
        before = await client.trained()
        program = await started_program(client)
    assert not program.is_running()
    assert not list((tmp_path / "results" / "jobs").rglob("scratch-*"))
    async with connector(with_services) as client:
        after = await client.model()
        assert after.model == before.model
        assert not after.computation.running
        assert (await client.trained()).computation.failure == ""


async def test_killing_the_connector_at_any_moment_leaves_a_whole_model_and_no_process(
    seen: Services, tmp_path: Path
) -> None:
    await seen.mark_alike(8, seen.items[BOOK][:4])
    addresses = {f"SEEN_{name.upper()}": value for name, value in seen.addresses.items()}
    version = ""
    for after_s in (0, 0.8, 2):
        process = Process(tmp_path, **addresses, SEEN_TRAINING_INTERVAL_S="0")
        try:
            async with connect(await process.port()) as channel:
                client = Client(channel)
                await until(lambda: clients.is_serving(channel, timeout_s=5), bool)
                if not version:
                    version = (await client.trained()).model.version
                model = await client.whole_model()
                assert model.version == (await client.model()).model.version
                await client.model(train=True)
                await asyncio.sleep(after_s)
                started = psutil.Process(process.process.pid).children(recursive=True)
        finally:
            process.kill()
        await asyncio.to_thread(psutil.wait_procs, started, LIMIT_S)
        assert not [program for program in started if program.is_running()]


async def test_a_full_disk_is_reported_and_changes_nothing(
    seen: Services, with_services: SparkSettings, tmp_path: Path
) -> None:
    await seen.mark_alike(8, seen.items[BOOK][:4])
    with small_disk(tmp_path / "a") as results_disk, small_disk(tmp_path / "b") as jobs_disk:
        folders = {"results": str(results_disk / "results"), "job_folder": jobs_disk / "jobs"}
        async with connector(with_services.model_copy(update=folders)) as client:
            before = await client.trained()
            assert before.computation.failure == ""
            for disk in (results_disk, jobs_disk):
                (disk / "filler").write_bytes(b"x" * (shutil.disk_usage(disk).free - 4096))
                after = await client.trained()
                assert "No space left on device" in after.computation.failure
                assert after.model == before.model
                assert (await client.whole_model()).version == before.model.version
                (disk / "filler").unlink()
            assert (await client.trained()).model.version != before.model.version


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_damaged_model_is_not_served_and_is_replaced_by_the_next_training(
    seen: Services, with_services: SparkSettings, tmp_path: Path
) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / model_store.MODEL).write_bytes(b"PK damaged")
    async with connector(with_services) as client:
        with pytest.raises(NotFound):
            await client.read_model()
        assert not (await client.model()).HasField("model")
        assert (await client.trained()).HasField("model")


async def test_while_the_other_services_are_down_questions_are_answered_and_a_training_fails(tmp_path: Path) -> None:
    async with connector(settings(tmp_path, training_interval_s=0)) as client:
        response = await client.trained()
        director = await until(client.best_director, answered)
    assert response.computation.failure == "the account service does not answer"
    assert not response.HasField("model")
    assert director.HasField("answer")


async def test_while_a_dataset_is_down_the_model_is_kept(seen: Services, with_services: SparkSettings) -> None:
    await seen.mark_alike(6, seen.items[BOOK][:2])
    async with connector(with_services) as client:
        before = await client.trained()
    addresses = {**seen.catalog_addresses, ANIME: NOWHERE}
    async with connector(with_services.model_copy(update={"catalog_addresses": addresses})) as client:
        after = await client.trained()
    assert after.computation.failure == "the ANIME items do not answer"
    assert after.model == before.model
