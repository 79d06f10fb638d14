"""The suggestion model: trained by the real program from real accounts and datasets, stored, and served in parts."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from seen.v1.spark_pb2 import GetModelResponse
from seen.v1.types_pb2 import ANIME, BOOK
from services.common import clients
from services.common.errors import Aborted, NotFound
from services.spark_connector.settings import SparkSettings
from services.spark_connector.training import model_store
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
from tests.integration.spark_connector.services import Services
from tests.integration.spark_connector.test_process import Process

PROGRAM = "services.taste.train"


def programs() -> list[psutil.Process]:
    """The running training programs that this process has started."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if PROGRAM in process.cmdline() and "guard.py" not in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


async def started_program(client: Client) -> psutil.Process:
    await client.model(train=True)

    async def first() -> psutil.Process | None:
        return next(iter(programs()), None)

    process: psutil.Process = await until(first, bool)
    return process


async def suspended(process: psutil.Process) -> bool:
    """Suspends a process. False if it has ended."""
    try:
        process.suspend()
        while process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
            await asyncio.sleep(0.01)
        return process.status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


async def test_before_the_first_training_there_is_no_model(with_services: SparkSettings) -> None:
    async with connector(with_services) as client:
        response = await client.model()
        assert not response.HasField("model")
        assert not response.computation.running
        with pytest.raises(NotFound):
            await client.read_model()


async def test_a_training_learns_which_items_go_together(seen: Services, with_services: SparkSettings) -> None:
    first, second = seen.items[BOOK][0], seen.items[ANIME][0]
    await seen.mark_alike(12, [first, second])
    async with connector(with_services) as client:
        response = await client.trained()
        model = await client.whole_model()
    assert response.computation.failure == ""
    assert (response.model.people, response.model.marks, response.model.items) == (12, 24, 2)
    assert (model.version, response.computation.computed_at) == (response.model.version, response.model.trained_at)
    assert model.similar((BOOK, first.id), 5) == [(ANIME, second.id)]


async def test_an_item_that_was_deleted_since_is_left_out(seen: Services, with_services: SparkSettings) -> None:
    kept = seen.items[BOOK][0]
    deleted = type(kept)(type=BOOK, id="0" * 24)
    await seen.mark_alike(6, [kept, deleted])
    async with connector(with_services) as client:
        response = await client.trained()
        assert (BOOK, deleted.id) not in (await client.whole_model()).positions
    assert (response.model.people, response.model.marks) == (6, 6)


async def test_without_marks_a_model_of_votes_and_labels_is_trained(
    seen: Services, with_services: SparkSettings
) -> None:
    async with connector(with_services) as client:
        response = await client.trained()
        model = await client.whole_model()
    assert (response.computation.failure, response.model.people) == ("", 0)
    assert len(model.most_voted[BOOK]) > 0


async def test_deleting_an_account_takes_its_marks_out_of_the_next_training(
    seen: Services, with_services: SparkSettings
) -> None:
    await seen.mark_alike(7, seen.items[BOOK][:2])
    async with connector(with_services) as client:
        before = await client.trained()
        await seen.delete_user("auth0|3")
        after = await client.trained()
    assert (before.model.people, before.model.marks) == (7, 14)
    assert (after.model.people, after.model.marks) == (6, 12)


async def test_nothing_in_the_stored_files_names_a_person(
    seen: Services, with_services: SparkSettings, tmp_path: Path
) -> None:
    await seen.mark_alike(6, seen.items[BOOK][:2])
    write_ratings(tmp_path, "BOOK", [f"Zacharias{number},{seen.items[BOOK][0].source_id},9," for number in range(6)])
    async with connector(with_services) as client:
        await client.trained()
    stored = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]
    assert {path.name for path in stored} >= {model_store.MODEL, model_store.RECORD}
    for path in stored:
        assert b"auth0" not in path.read_bytes(), path
        assert b"Zacharias" not in path.read_bytes(), path


async def test_a_new_training_replaces_the_model_and_its_readers_begin_anew(
    seen: Services, with_services: SparkSettings
) -> None:
    await seen.mark_alike(6, seen.items[BOOK][:2])
    async with connector(with_services) as client:
        old = (await client.trained()).model.version
        at_the_end = await client.read_model(old, (await client.read_model(old)).size)
        assert at_the_end.data == b""
        new = (await client.trained()).model.version
        assert new != old
        with pytest.raises(Aborted):
            await client.read_model(old, 0)
        assert (await client.read_model()).version == new


async def test_requests_during_a_training_start_no_second_one(seen: Services, with_services: SparkSettings) -> None:
    await seen.mark_alike(6, seen.items[BOOK][:2])
    async with connector(with_services) as client:
        program = await started_program(client)
        program.suspend()  # it must not end meanwhile
        await asyncio.gather(*(client.model(train=True) for _ in range(20)))
        assert programs() == [program]
        program.resume()
        first = await until(client.model, lambda response: not response.computation.running)
        await asyncio.sleep(0.5)
        assert await client.model() == first


async def test_a_running_training_has_a_stage_and_progress(seen: Services, with_services: SparkSettings) -> None:
    async with connector(with_services) as client:
        program = await started_program(client)
        program.suspend()  # it must not end meanwhile
        running = (await client.model()).computation
        program.resume()
    assert running.running
    assert running.stage
    assert 0.3 < running.progress < 1
    assert running.retry_after_s >= 1


# Ratings


def write_ratings(folder: Path, item_type: str, rows: list[str]) -> None:
    path = folder / "ratings" / f"{item_type}.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in ["person,source_id,rating,rated_at", *rows]))


async def test_people_who_rate_are_training_data(seen: Services, with_services: SparkSettings, tmp_path: Path) -> None:
    first, second, third = seen.items[BOOK][:3]
    rows = [
        f"{person},{item.source_id},{rating},1365029107"
        for person in range(8)
        for item, rating in ((first, 9), (second, 10), (third, 2))
    ]
    write_ratings(tmp_path, "BOOK", rows)
    async with connector(with_services) as client:
        response = await client.trained()
        model = await client.whole_model()
    assert (response.model.people, response.model.marks) == (8, 24)
    likes = [int(model.likes[model.positions[BOOK, item.id]]) for item in (first, second)]
    assert likes == [8, 8]
    assert model.likes[model.positions[BOOK, third.id]] == 0


async def test_a_person_of_one_file_is_nobody_of_another_file_and_no_account(
    seen: Services, with_services: SparkSettings, tmp_path: Path
) -> None:
    await seen.mark_alike(1, seen.items[BOOK][:1])
    for item_type in (BOOK, ANIME):
        name = "BOOK" if item_type == BOOK else "ANIME"
        write_ratings(tmp_path, name, [f"1,{seen.items[item_type][0].source_id},9,"])
    async with connector(with_services) as client:
        response = await client.trained()
    assert response.model.people == 3


async def test_rows_that_are_no_ratings_and_unknown_items_are_skipped_and_counted(
    seen: Services, with_services: SparkSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    known = seen.items[BOOK][0].source_id
    write_ratings(tmp_path, "BOOK", [f"1,{known},8,", "1,unknown,8,", f",{known},8,", f"2,{known},eleven,", "nonsense"])
    async with connector(with_services) as client:
        response = await client.trained()
    assert (response.model.people, response.model.marks) == (1, 1)
    (record,) = [record for record in caplog.records if record.message == "ratings added"]
    assert (record.ratings, record.of_unknown_items, record.unreadable) == (2, 1, 3)  # type: ignore[attr-defined]


async def test_a_file_without_a_valid_header_fails_the_training_and_is_named(
    seen: Services, with_services: SparkSettings, tmp_path: Path
) -> None:
    (tmp_path / "ratings").mkdir()
    (tmp_path / "ratings" / "BOOK.csv").write_text("some,other,columns\n1,2,3\n")
    async with connector(with_services) as client:
        response = await client.trained()
    assert response.computation.failure.startswith("BOOK.csv: its first line must be person,source_id,rating,rated_at")


async def test_somebody_with_100_000_ratings_trains(
    seen: Services, with_services: SparkSettings, tmp_path: Path
) -> None:
    known = [item.source_id for item in seen.items[BOOK]]
    write_ratings(tmp_path, "BOOK", [f"1,{known[number % len(known)]},7,{number}" for number in range(100_000)])
    async with connector(with_services) as client:
        response = await client.trained()
    assert (response.computation.failure, response.model.people) == ("", 1)


# When it trains by itself


async def test_it_trains_by_itself_when_marks_have_changed_by_a_tenth(seen: Services, tmp_path: Path) -> None:
    await seen.mark_alike(6, seen.items[BOOK][:5])
    async with connector(settings(tmp_path, **seen.addresses, training_interval_s=1)) as client:
        first = await until(client.model, lambda response: response.HasField("model"))
        await seen.mark("auth0|0", seen.items[ANIME][:2])  # 2 of 30
        await asyncio.sleep(2.5)
        assert (await client.model()).model == first.model
        await seen.mark("auth0|1", seen.items[ANIME][:1])  # 3 of 30
        second = await until(client.model, lambda response: response.model.version != first.model.version)
    assert second.model.marks == 33


async def test_it_trains_by_itself_when_ratings_have_been_loaded(seen: Services, tmp_path: Path) -> None:
    write_ratings(tmp_path, "BOOK", [f"1,{seen.items[BOOK][0].source_id},9,"])
    own = settings(tmp_path, **seen.addresses, training_interval_s=1, ratings=str(tmp_path / "ratings"))
    async with connector(own) as client:
        response = await until(client.model, lambda response: response.HasField("model"))
    assert response.model.people == 1


async def test_without_marks_and_ratings_it_does_not_train_by_itself(seen: Services, tmp_path: Path) -> None:
    async with connector(settings(tmp_path, **seen.addresses, training_interval_s=0.2)) as client:
        await asyncio.sleep(2)
        assert not (await client.model()).HasField("model")


# Faults


@pytest.fixture
async def model_before(seen: Services, with_services: SparkSettings) -> AsyncIterator[tuple[Client, GetModelResponse]]:
    """A connector with a trained model, and what it says of it."""
    await seen.mark_alike(8, seen.items[BOOK][:4])
    async with connector(with_services) as client:
        yield client, await client.trained()


@pytest.mark.parametrize("after_s", [0, 0.2, 0.5, 0.9])
async def test_killing_the_program_at_any_moment_changes_nothing(
    model_before: tuple[Client, GetModelResponse], after_s: float
) -> None:
    client, before = model_before
    program = await started_program(client)
    await asyncio.sleep(after_s)
    if not await suspended(program):  # it must not end before it is killed
        pytest.skip("the training was faster")
    program.kill()
    after = await until(client.model, lambda response: not response.computation.running)
    assert after.computation.failure == "the job was killed, probably because memory ran out"
    assert after.model == before.model
    assert (await client.whole_model()).version == before.model.version


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
    addresses = {f"SEEN_{name.upper()}": str(value) for name, value in seen.addresses.items()}
    version = ""
    for after_s in (0, 0.3, 0.8, 1.5, 2.5):
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


@pytest.mark.parametrize(("full", "name"), [("results", "results"), ("job_folder", "jobs")])
async def test_a_full_disk_is_reported_and_changes_nothing(
    seen: Services, with_services: SparkSettings, tmp_path: Path, small_disk: Path, full: str, name: str
) -> None:
    await seen.mark_alike(8, seen.items[BOOK][:4])
    folders: dict[str, Any] = {"results": str(tmp_path / "results"), "job_folder": tmp_path / "jobs"}
    folders[full] = type(folders[full])(small_disk / name)
    async with connector(with_services.model_copy(update=folders)) as client:
        before = await client.trained()
        assert before.computation.failure == ""
        (small_disk / "filler").write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 4096))
        after = await client.trained()
        assert "No space left on device" in after.computation.failure
        assert after.model == before.model
        assert (await client.whole_model()).version == before.model.version
        (small_disk / "filler").unlink()
        assert (await client.trained()).model.version != before.model.version


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "small"
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
    book = str(seen.addresses["catalog_addresses"]).split(",")[0]
    down = settings(
        Path(with_services.results).parent,
        account_address=seen.addresses["account_address"],
        catalog_addresses=f"{book},ANIME={NOWHERE}",
        training_interval_s=0,
    )
    async with connector(down) as client:
        after = await client.trained()
    assert after.computation.failure == "the ANIME items do not answer"
    assert after.model == before.model


async def test_after_a_failure_it_tries_again_by_itself(seen: Services, tmp_path: Path) -> None:
    write_ratings(tmp_path, "BOOK", [f"1,{seen.items[BOOK][0].source_id},9,"])
    broken = tmp_path / "ratings" / "ANIME.csv"
    broken.write_text("no,header\n")
    own = settings(
        tmp_path,
        **seen.addresses,
        training_interval_s=1,
        retry_first_s=0.5,
        retry_longest_s=1,
        ratings=str(tmp_path / "ratings"),
    )
    async with connector(own) as client:
        failed = await until(client.model, lambda response: response.computation.failure)
        assert not failed.HasField("model")
        broken.unlink()
        await until(client.model, lambda response: response.HasField("model") and not response.computation.failure)
