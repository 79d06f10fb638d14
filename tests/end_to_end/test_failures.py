"""Killed processes: --status names them, other services answer what they can, and acknowledged writes are kept."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from tests.end_to_end.api import Item, get, items, mark, path, problem
from tests.end_to_end.suites import LocalSuite, wait_for

pytestmark = pytest.mark.own_suite

TYPES = ("BOOK", "SHOW", "ANIME")


@pytest.fixture(scope="module")
def fragile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSuite]:
    """This module's own suite, whose processes are killed and restarted; compact if the test asks for that."""
    compact = getattr(request, "param", "processes") == "compact"
    # Cached responses would hide for some seconds what is broken.
    variable = "SEEN_GATEWAY_CACHE_TTL_S" if compact else "SEEN_CACHE_TTL_S"
    folder = tmp_path_factory.mktemp("fragile")
    with LocalSuite(folder, compact=compact, options=["--set", f"{variable}=0"]) as running:
        yield running


@pytest.fixture
def marked_items(fragile: LocalSuite) -> dict[str, Item]:
    """One item of each type, all marked by ana."""
    if fragile.local("--status").exit_code:  # an earlier test failed half-way
        fragile.stop()
        fragile.start()
    with fragile.client("ana") as ana:
        chosen = {type_name: items(ana, type=type_name, size=1)[0] for type_name in TYPES}
        for item in chosen.values():
            mark(ana, item, "seen", "like")
    return chosen


def without_dataset(type_name: str) -> Callable[[httpx.Client, dict[str, Item]], None]:
    def check(ana: httpx.Client, marked_items: dict[str, Item]) -> None:
        page = wait_for(lambda: _page_missing(ana, type_name))
        assert {item["type"] for item in page["items"]} == set(TYPES) - {type_name}
        problem(ana.get(path(marked_items[type_name])), 503)
        problem(ana.put(f"{path(marked_items[type_name])}/seen"), 503)
        for other in set(TYPES) - {type_name}:
            assert get(ana, path(marked_items[other])) == marked_items[other]
            mark(ana, marked_items[other], "seen")
        assert ana.post("/suggest", json={"amount": 1}).json()["missing"] == [type_name]

    return check


def _page_missing(client: httpx.Client, type_name: str) -> Item | None:
    page: Item = get(client, "/lib/1", size=30)
    return page if page["missing"] == [type_name] else None


def without_a_shard(ana: httpx.Client, marked_items: dict[str, Item]) -> None:
    """The dataset is missing from pages; items of the other shard can still be read and marked."""
    wait_for(lambda: _page_missing(ana, "SHOW"))
    assert marked_items["SHOW"]["id"].startswith("1")
    assert get(ana, path(marked_items["SHOW"])) == marked_items["SHOW"]
    mark(ana, marked_items["SHOW"], "seen")


def without_accounts(ana: httpx.Client, marked_items: dict[str, Item]) -> None:
    for item in marked_items.values():
        assert get(ana, path(item)) == item
    assert get(ana, "/lib/1")["missing"] == []
    problem(ana.put(f"{path(marked_items['BOOK'])}/like"), 503)
    problem(ana.get("/user"), 503)
    with httpx.Client(base_url=ana.base_url) as anyone:
        assert anyone.post("/suggest", json={}).status_code == 200


def without_library(ana: httpx.Client, marked_items: dict[str, Item]) -> None:
    problem(ana.get("/lib/1"), 503)
    problem(ana.get(path(marked_items["BOOK"])), 503)
    assert get(ana, "/user")["seen"] == 3
    assert ana.get("/openapi.json").status_code == 200
    _shows_the_plain_page(ana, marked_items["BOOK"])


def _shows_the_plain_page(client: httpx.Client, item: Item) -> None:
    """The address of an item that cannot be read has the website without the item's name."""
    page = client.get("/", params={"item": f"{item['type']}/{item['id']}"})
    assert page.status_code == 200
    assert "<title>Seen</title>" in page.text


def without_sign_in(ana: httpx.Client, marked_items: dict[str, Item]) -> None:
    """Issued tokens stay valid."""
    assert get(ana, "/user")["seen"] == 3
    mark(ana, marked_items["SHOW"], "like")


def without_spark_connector(ana: httpx.Client, marked_items: dict[str, Item]) -> None:
    for question in ("/bestDirector", "/moreConnected"):
        answer = ana.get(question)
        problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
    assert get(ana, "/lib/1")["missing"] == []


def without_gateway(ana: httpx.Client, marked_items: dict[str, Item]) -> None:
    with pytest.raises(httpx.ConnectError):
        ana.get("/lib/1")


Check = Callable[[httpx.Client, dict[str, Item]], None]

CHECKS = {
    "book": without_dataset("BOOK"),
    "imdb": without_dataset("SHOW"),
    "anime": without_dataset("ANIME"),
    "mongod-book": without_dataset("BOOK"),
    "mongod-imdb-2": without_a_shard,
    "account": without_accounts,
    "library": without_library,
    "local_auth0": without_sign_in,
    "spark_connector": without_spark_connector,
    "gateway": without_gateway,
}


COMPACT_CHECKS = {
    "mongod-book": without_dataset("BOOK"),
    "mongod-imdb-2": without_a_shard,
    "local_auth0": without_sign_in,
    "compact": without_gateway,
}
KILLS = [
    *(("processes", name, check) for name, check in CHECKS.items()),
    *(("compact", name, check) for name, check in COMPACT_CHECKS.items()),
]


@pytest.mark.parametrize(
    ("fragile", "name", "check"),
    [pytest.param(*kill, id=f"{kill[0]}-{kill[1]}") for kill in KILLS],
    indirect=["fragile"],
    scope="module",
)
def test_a_killed_process_is_reported_and_a_restart_brings_it_back_with_every_mark(
    fragile: LocalSuite,
    marked_items: dict[str, Item],
    name: str,
    check: Callable[[httpx.Client, dict[str, Item]], None],
) -> None:
    fragile.kill(name)

    status = fragile.local("--status").failed().output
    assert f"died: {name};" in status
    # Its dependents may be unhealthy, but nothing else died.
    assert status.count("DIED") == 1
    with fragile.client("ana") as ana:
        check(ana, marked_items)
    assert f"{name} died (killed by SIGKILL)" in (fragile.folder / "logs" / "local.log").read_text()

    assert fragile.local("--restart", name).succeeded().output == f"restarted: {name}\n"
    fragile.local("--status").succeeded()
    _assert_marked(fragile, marked_items)


@pytest.mark.parametrize("fragile", ["processes", "compact"], indirect=True, scope="module")
def test_a_hanging_database_does_not_delay_other_datasets(fragile: LocalSuite, marked_items: dict[str, Item]) -> None:
    fragile.kill("mongod-book", signal.SIGSTOP)
    try:
        with fragile.client() as waiting, fragile.client() as other, ThreadPoolExecutor() as threads:
            hanging = threads.submit(waiting.get, path(marked_items["BOOK"]))
            for _ in range(20):
                assert get(other, path(marked_items["SHOW"])) == marked_items["SHOW"]
            assert not hanging.done()
            _shows_the_plain_page(other, marked_items["BOOK"])
            assert hanging.result().status_code in (503, 504)
    finally:
        fragile.kill("mongod-book", signal.SIGCONT)


def test_kill_9_of_everything_loses_no_mark(fragile: LocalSuite, marked_items: dict[str, Item]) -> None:
    processes = fragile.processes()
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=30)
    fragile.start()
    _assert_marked(fragile, marked_items)


def test_a_mark_acknowledged_before_the_supervisor_is_killed_is_kept(fragile: LocalSuite) -> None:
    with fragile.client("rui") as rui:
        rui.delete("/user")
        books = items(rui, type="BOOK", size=20)
        for book in books:
            mark(rui, book, "seen")
    fragile.kill("supervisor")
    fragile.start()
    with fragile.client("rui") as rui:
        assert {mark["item"]["id"] for mark in get(rui, "/user/seen")["items"]} == {book["id"] for book in books}


def _assert_marked(suite: LocalSuite, marked_items: dict[str, Item]) -> None:
    with suite.client("ana") as ana:
        for kind in ("seen", "liked"):
            listed = [mark["item"] for mark in get(ana, f"/user/{kind}")["items"]]
            assert {path(item) for item in listed} == {path(item) for item in marked_items.values()}
        for type_name, item in marked_items.items():
            assert path(item) in [path(entry["item"]) for entry in get(ana, f"/getTopTen/{type_name}")["items"]]


def test_a_suite_can_be_moved_with_its_folder(fragile: LocalSuite, tmp_path: Path) -> None:
    with fragile.client("ana") as ana:
        before = get(ana, "/user/seen")
    fragile.stop()
    moved = LocalSuite(fragile.folder.rename(tmp_path / "moved"))
    try:
        moved.start()
        with moved.client("ana") as ana:
            assert get(ana, "/user/seen") == before
    finally:
        moved.stop()
        moved.folder.rename(fragile.folder)
