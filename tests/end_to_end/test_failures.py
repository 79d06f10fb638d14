"""Killed and hanging processes: --status names them, the others answer what they can, acknowledged marks are kept."""

from pathlib import Path

import psutil
import pytest

from tests.end_to_end import failures
from tests.end_to_end.api import get, items, mark
from tests.end_to_end.failures import Check, ItemByType, assert_marked
from tests.end_to_end.suites import LocalSuite

pytestmark = pytest.mark.own_suite

CHECKS = {
    "book": failures.without_dataset("BOOK"),
    "imdb": failures.without_dataset("SHOW"),
    "anime": failures.without_dataset("ANIME"),
    "mongod-book": failures.without_dataset("BOOK"),
    "mongod-imdb-2": failures.without_a_shard,
    "account": failures.without_accounts,
    "library": failures.without_library,
    "local_auth0": failures.without_sign_in,
    "spark_connector": failures.without_spark_connector,
    "gateway": failures.without_gateway,
}


@pytest.mark.parametrize(("name", "check"), CHECKS.items(), ids=CHECKS)
def test_a_killed_process_is_reported_and_a_restart_brings_it_back_with_every_mark(
    fragile: LocalSuite, marked_items: ItemByType, name: str, check: Check
) -> None:
    failures.kill_and_restart(fragile, name, check, marked_items)


def test_a_hanging_database_does_not_delay_other_datasets(fragile: LocalSuite, marked_items: ItemByType) -> None:
    failures.assert_that_a_hanging_database_does_not_delay_other_datasets(fragile, marked_items)


def test_kill_9_of_everything_loses_no_mark(fragile: LocalSuite, marked_items: ItemByType) -> None:
    processes = fragile.processes()
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=30)
    fragile.start()
    assert_marked(fragile, marked_items)


def test_when_the_supervisor_is_killed_all_processes_end_and_acknowledged_marks_are_kept(fragile: LocalSuite) -> None:
    with fragile.client("rui") as rui:
        rui.delete("/user")
        books = items(rui, type="BOOK", size=20)
        for book in books:
            mark(rui, book, "seen")
    processes = fragile.processes()
    fragile.kill("supervisor")
    _, left = psutil.wait_procs(processes, timeout=5)
    assert left == []
    assert fragile.local("--status").failed().output.startswith("nothing runs")
    fragile.local("--stop").succeeded()
    fragile.start()
    with fragile.client("rui") as rui:
        assert {mark["item"]["id"] for mark in get(rui, "/user/seen")["items"]} == {book["id"] for book in books}


def test_a_suite_can_be_moved_with_its_folder(fragile: LocalSuite, marked_items: ItemByType, tmp_path: Path) -> None:
    fragile.stop()
    moved = LocalSuite(fragile.folder.rename(tmp_path / "moved"))
    try:
        moved.start()
        assert_marked(moved, marked_items)
    finally:
        moved.stop()
        moved.folder.rename(fragile.folder)
