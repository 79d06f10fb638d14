"""Loads that are killed or interrupted, that run at the same time, or while the dataset is in use."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.catalog import datasets
from services.catalog.item import Item
from services.catalog.loader.errors import AnotherLoad
from services.catalog.loader.job import LoadJob
from services.catalog.loader.lease import Lease
from services.catalog.loader.report import Report
from services.catalog.store.store import connect
from tests.conftest import ROOT
from tests.integration.catalog.lists import Shards, assert_no_holes
from tests.integration.catalog.loading import Loader, Outcome, documents, title, titles
from tests.integration.catalog.servers import Server

IMDB = datasets.get_adapter("imdb")
TITLES = 10_000
Starter = Callable[[list[Path]], subprocess.Popen[str]]


@pytest.fixture(scope="module")
def many_titles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    genres = ("Drama", "Comedy,Drama", "War", "\\N")
    lines = (title(number, genres=genres[number % 4]) for number in range(1, TITLES + 1))
    return titles(tmp_path_factory.mktemp("titles"), *lines)


@pytest.fixture
def start(servers: list[Server], database: str) -> Starter:
    """Starts a process that loads IMDb's files in small batches."""

    def popen(files: list[Path]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "services.catalog.loader", "imdb", *files, "--batch-size", "250"],
            cwd=ROOT,
            env=os.environ
            | {"SEEN_MONGO_URIS": ",".join(server.uri for server in servers), "SEEN_MONGO_DATABASE": database},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return popen


def wait_for_items(shards: Shards, process: subprocess.Popen[str], minimum: int) -> None:
    until = time.monotonic() + 60
    while sum(shard["imdb"].estimated_document_count() for shard in shards) < minimum:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.005)


def wait_for_idle_servers(shards: Shards) -> None:
    """A server continues for a moment with the commands of a killed client."""
    for shard in shards:
        while shard.client.admin.command({"currentOp": 1, "ns": f"{shard.name}.imdb"})["inprog"]:
            time.sleep(0.01)


def test_the_same_command_completes_a_killed_load(
    load: Loader, start: Starter, many_titles: list[Path], shards: Shards
) -> None:
    for minimum in (1000, 4000):
        process = start(many_titles)
        wait_for_items(shards, process, minimum)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for_idle_servers(shards)
        # The lease would expire by itself; this saves the wait.
        shards[0]["imdb_loads"].delete_many({})
    loaded = len(documents(shards, "imdb"))
    assert 4000 <= loaded < TITLES
    assert load("imdb", *many_titles).counts() == (TITLES - loaded, 0, loaded, 0)
    assert_no_holes(shards, "imdb")
    assert len(documents(shards, "imdb")) == TITLES


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_load_leaves_no_holes(
    start: Starter, load: Loader, many_titles: list[Path], shards: Shards, signal_number: signal.Signals
) -> None:
    process = start(many_titles)
    wait_for_items(shards, process, 1000)
    process.send_signal(signal_number)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == "imdb: interrupted; run the same command again to continue\n"
    loaded = len(documents(shards, "imdb"))
    assert Outcome(0, output, "").count("added") == loaded < TITLES
    assert_no_holes(shards, "imdb")
    assert load("imdb", *many_titles).counts() == (TITLES - loaded, 0, loaded, 0)


async def test_a_second_load_of_the_dataset_is_refused(two_uris: list[str], database: str, tmp_path: Path) -> None:
    files = titles(tmp_path, title(1))
    second = LoadJob(IMDB, files, two_uris, database, lease_s=0.4)
    async with connect("imdb", IMDB.type, two_uris, database) as store:
        async with Lease(store.shards[0], 0.4).held():
            with pytest.raises(AnotherLoad, match=f"process {os.getpid()} on "):
                await second.run(Report())
        await second.run(report := Report())
        assert report.added == 1


async def test_a_lease_that_is_not_renewed_expires(two_uris: list[str], database: str, tmp_path: Path) -> None:
    async with connect("imdb", IMDB.type, two_uris, database) as store:
        crashed = Lease(store.shards[0], 0.5)
        await crashed._acquire()
        files = titles(tmp_path, title(1))
        await LoadJob(IMDB, files, two_uris, database, lease_s=0.5).run(report := Report())
        assert report.added == 1


async def check_repeatedly(lease: Lease) -> None:
    async with asyncio.timeout(30):
        while True:
            lease.check()
            await asyncio.sleep(0.02)


async def test_a_lost_lease_is_detected(two_uris: list[str], database: str, shards: Shards) -> None:
    async with connect("imdb", IMDB.type, two_uris, database) as store, Lease(store.shards[0], 0.4).held() as lease:
        lease.check()
        shards[0]["imdb_loads"].delete_many({})
        with pytest.raises(AnotherLoad):
            await check_repeatedly(lease)


async def test_items_can_be_added_and_deleted_during_a_load(
    two_uris: list[str], database: str, many_titles: list[Path], shards: Shards
) -> None:
    async with connect("imdb", IMDB.type, two_uris, database) as store:
        await store.create_indexes()
        for number in range(30):
            await store.create(Item(name=f"by hand {number}", category=("Drama",), source_id=f"hand{number}"))
        report = Report()
        job = LoadJob(IMDB, many_titles, two_uris, database, batch_size=500)
        loading = asyncio.create_task(job.run(report))
        added = deleted = 0
        while not loading.done():
            added += 1
            await store.create(Item(name=f"meanwhile {added}", category=("Drama",), source_id=f"meanwhile{added}"))
            if deleted < 30:
                (hit, *_) = await store.search(f"by hand {deleted}", "")
                await store.delete(hit.id)
                deleted += 1
        await loading
        assert (report.added, deleted > 5) == (TITLES, True)
        assert_no_holes(shards, "imdb")
        assert await store.count("") == TITLES + added + 30 - deleted
