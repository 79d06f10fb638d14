"""Processes are killed: --status says so, the rest answers what it can, and nothing acknowledged is lost."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.end_to_end.questions import Item, get, items, mark, path, problem
from tests.end_to_end.running import RunningSuite, wait_for

pytestmark = pytest.mark.own_suite

TYPES = ("BOOK", "SHOW", "ANIME")


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    """A suite of this module's own, which is broken and started again all the time."""
    with RunningSuite(tmp_path_factory.mktemp("fragile")) as running:
        yield running


@pytest.fixture
def one_of_each(fragile: RunningSuite) -> dict[str, Item]:
    """An item of every type, all of them marked by ana."""
    if fragile.local("--status").code:  # a test before this one has failed half-way
        fragile.stop()
        fragile.start()
    with fragile.client("ana") as ana:
        chosen = {type_name: items(ana, type=type_name, size=1)[0] for type_name in TYPES}
        for item in chosen.values():
            mark(ana, item, "seen", "like")
    return chosen


def a_dataset_is_missing(type_name: str) -> Callable[[httpx.Client, dict[str, Item]], None]:
    def check(ana: httpx.Client, one_of_each: dict[str, Item]) -> None:
        page = wait_for(lambda: _page_without(ana, type_name))
        assert {item["type"] for item in page["items"]} == set(TYPES) - {type_name}
        problem(ana.get(path(one_of_each[type_name])), 503)
        problem(ana.put(f"{path(one_of_each[type_name])}/seen"), 503)
        for there in set(TYPES) - {type_name}:
            assert get(ana, path(one_of_each[there])) == one_of_each[there]
            mark(ana, one_of_each[there], "seen")
        assert ana.post("/suggest", json={"amount": 1}).json()["missing"] == [type_name]

    return check


def _page_without(client: httpx.Client, type_name: str) -> Item | None:
    page: Item = get(client, "/lib/1", size=30)
    return page if page["missing"] == [type_name] else None


def half_a_dataset_is_missing(ana: httpx.Client, one_of_each: dict[str, Item]) -> None:
    """The list has gaps, so it is missing; what is on the other shard can still be looked up and marked."""
    wait_for(lambda: _page_without(ana, "SHOW"))
    assert one_of_each["SHOW"]["id"].startswith("1")
    assert get(ana, path(one_of_each["SHOW"])) == one_of_each["SHOW"]
    mark(ana, one_of_each["SHOW"], "seen")


def people_are_missing(ana: httpx.Client, one_of_each: dict[str, Item]) -> None:
    for item in one_of_each.values():
        assert get(ana, path(item)) == item
    assert get(ana, "/lib/1")["missing"] == []
    problem(ana.put(f"{path(one_of_each['BOOK'])}/like"), 503)
    problem(ana.get("/user"), 503)
    with httpx.Client(base_url=ana.base_url) as nobody:
        assert nobody.post("/suggest", json={}).status_code == 200


def the_library_is_missing(ana: httpx.Client, one_of_each: dict[str, Item]) -> None:
    problem(ana.get("/lib/1"), 503)
    problem(ana.get(path(one_of_each["BOOK"])), 503)
    assert get(ana, "/user")["seen"] == 3
    assert ana.get("/openapi.json").status_code == 200


def the_sign_in_is_missing(ana: httpx.Client, one_of_each: dict[str, Item]) -> None:
    """Tokens that were given out stay good."""
    assert get(ana, "/user")["seen"] == 3
    mark(ana, one_of_each["SHOW"], "like")


def the_answers_are_missing(ana: httpx.Client, one_of_each: dict[str, Item]) -> None:
    for question in ("/bestDirector", "/moreConnected"):
        answer = ana.get(question)
        problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
    assert get(ana, "/lib/1")["missing"] == []


def nothing_answers(ana: httpx.Client, one_of_each: dict[str, Item]) -> None:
    with pytest.raises(httpx.ConnectError):
        ana.get("/lib/1")


WHAT_REMAINS = {
    "book": a_dataset_is_missing("BOOK"),
    "imdb": a_dataset_is_missing("SHOW"),
    "anime": a_dataset_is_missing("ANIME"),
    "mongod-book": a_dataset_is_missing("BOOK"),
    "mongod-imdb-2": half_a_dataset_is_missing,
    "account": people_are_missing,
    "library": the_library_is_missing,
    "local_auth0": the_sign_in_is_missing,
    "spark_connector": the_answers_are_missing,
    "gateway": nothing_answers,
}


@pytest.mark.parametrize("name", WHAT_REMAINS)
def test_a_killed_process_is_named_missed_and_back_after_a_restart_with_every_mark(
    fragile: RunningSuite, one_of_each: dict[str, Item], name: str
) -> None:
    fragile.kill(name)

    status = fragile.local("--status").failed().said
    assert f"died: {name};" in status
    # What stands on it may be unwell, but nothing else has died.
    assert status.count("DIED") == 1
    with fragile.client("ana") as ana:
        WHAT_REMAINS[name](ana, one_of_each)
    assert f"{name} died (killed by SIGKILL)" in (fragile.folder / "logs" / "local.log").read_text()

    fragile.stop()
    fragile.start()
    fragile.local("--status").succeeded()
    _assert_marked(fragile, one_of_each)


def test_kill_9_of_everything_loses_no_mark(fragile: RunningSuite, one_of_each: dict[str, Item]) -> None:
    processes = fragile.processes()
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=30)
    fragile.start()
    _assert_marked(fragile, one_of_each)


def test_a_mark_acknowledged_just_before_the_supervisor_is_killed_is_there_afterwards(fragile: RunningSuite) -> None:
    with fragile.client("rui") as rui:
        rui.delete("/user")
        books = items(rui, type="BOOK", size=20)
        for book in books:
            mark(rui, book, "seen")
    fragile.kill("supervisor")
    fragile.start()
    with fragile.client("rui") as rui:
        assert {one["item"]["id"] for one in get(rui, "/user/seen")["items"]} == {book["id"] for book in books}


def _assert_marked(suite: RunningSuite, one_of_each: dict[str, Item]) -> None:
    with suite.client("ana") as ana:
        for kind in ("seen", "liked"):
            found = [one["item"] for one in get(ana, f"/user/{kind}")["items"]]
            assert {path(item) for item in found} == {path(item) for item in one_of_each.values()}
        for type_name, item in one_of_each.items():
            assert path(item) in [path(one["item"]) for one in get(ana, f"/getTopTen/{type_name}")["items"]]


def test_the_folder_is_all_there_is_of_it(fragile: RunningSuite, tmp_path: Path) -> None:
    """Moved elsewhere, a stopped suite is the same suite."""
    with fragile.client("ana") as ana:
        before = get(ana, "/user/seen")
    fragile.stop()
    elsewhere = RunningSuite(fragile.folder.rename(tmp_path / "moved"))
    try:
        elsewhere.start()
        with elsewhere.client("ana") as ana:
            assert get(ana, "/user/seen") == before
    finally:
        elsewhere.stop()
        elsewhere.folder.rename(fragile.folder)
