"""Processes of a suite are killed, or hang: what still works without them."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.end_to_end.api import Item, get, items, mark, path, problem
from tests.end_to_end.suites import LocalSuite, wait_for

TYPES = ("BOOK", "SHOW", "ANIME")
ItemByType = dict[str, Item]
Check = Callable[[httpx.Client, ItemByType], None]


def mark_items(suite: LocalSuite) -> ItemByType:
    """Marks one item of each type as seen and liked by ana."""
    with suite.client("ana") as ana:
        marked = {type_name: items(ana, type=type_name, size=1)[0] for type_name in TYPES}
        for item in marked.values():
            mark(ana, item, "seen", "like")
    return marked


def assert_marked(suite: LocalSuite, marked: ItemByType) -> None:
    with suite.client("ana") as ana:
        for kind in ("seen", "liked"):
            listed = [mark["item"] for mark in get(ana, f"/user/{kind}")["items"]]
            assert {path(item) for item in listed} == {path(item) for item in marked.values()}
        for type_name, item in marked.items():
            assert path(item) in [path(entry["item"]) for entry in get(ana, f"/getTopTen/{type_name}")["items"]]


def kill_and_restart(suite: LocalSuite, name: str, check: Check, marked: ItemByType) -> None:
    """A killed process is reported, `check` passes without it, and a restart brings it back with every mark."""
    suite.kill(name)

    status = suite.local("--status").failed().output
    assert f"died: {name};" in status
    # Its dependents may be unhealthy, but nothing else died.
    assert status.count("DIED") == 1
    with suite.client("ana") as ana:
        check(ana, marked)
    assert f"{name} died (killed by SIGKILL)" in (suite.folder / "logs" / "local.log").read_text()

    assert suite.local("--restart", name).succeeded().output == f"restarted: {name}\n"
    suite.local("--status").succeeded()
    assert_marked(suite, marked)


def without_dataset(type_name: str) -> Check:
    def check(ana: httpx.Client, marked: ItemByType) -> None:
        others = set(TYPES) - {type_name}
        page = wait_for(lambda: _page_missing(ana, type_name))
        assert {item["type"] for item in page["items"]} == others
        problem(ana.get(path(marked[type_name])), 503)
        problem(ana.put(f"{path(marked[type_name])}/seen"), 503)
        for other in others:
            assert get(ana, path(marked[other])) == marked[other]
            mark(ana, marked[other], "seen")
        assert ana.post("/suggest", json={"amount": 1}).json()["missing"] == [type_name]

    return check


def _page_missing(client: httpx.Client, type_name: str) -> Item | None:
    page: Item = get(client, "/lib/1", size=30)
    return page if page["missing"] == [type_name] else None


def without_a_shard(ana: httpx.Client, marked: ItemByType) -> None:
    """The dataset is missing from pages; items of the other shard can still be read and marked."""
    wait_for(lambda: _page_missing(ana, "SHOW"))
    assert marked["SHOW"]["id"].startswith("1")
    assert get(ana, path(marked["SHOW"])) == marked["SHOW"]
    mark(ana, marked["SHOW"], "seen")


def without_accounts(ana: httpx.Client, marked: ItemByType) -> None:
    for item in marked.values():
        assert get(ana, path(item)) == item
    assert get(ana, "/lib/1")["missing"] == []
    problem(ana.put(f"{path(marked['BOOK'])}/like"), 503)
    problem(ana.get("/user"), 503)
    with httpx.Client(base_url=ana.base_url) as anyone:
        assert anyone.post("/suggest", json={}).status_code == 200


def without_library(ana: httpx.Client, marked: ItemByType) -> None:
    problem(ana.get("/lib/1"), 503)
    problem(ana.get(path(marked["BOOK"])), 503)
    assert get(ana, "/user")["seen"] == 3
    assert ana.get("/openapi.json").status_code == 200
    assert_plain_page(ana, marked["BOOK"])


def without_sign_in(ana: httpx.Client, marked: ItemByType) -> None:
    """Issued tokens stay valid."""
    assert get(ana, "/user")["seen"] == 3
    mark(ana, marked["SHOW"], "like")


def without_spark_connector(ana: httpx.Client, marked: ItemByType) -> None:
    for question in ("/bestDirector", "/moreConnected"):
        answer = ana.get(question)
        problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
    assert get(ana, "/lib/1")["missing"] == []


def without_gateway(ana: httpx.Client, marked: ItemByType) -> None:
    with pytest.raises(httpx.ConnectError):
        ana.get("/lib/1")


def assert_plain_page(client: httpx.Client, item: Item) -> None:
    """The address of an item that cannot be read has the website without the item's name."""
    page = client.get("/", params={"item": f"{item['type']}/{item['id']}"})
    assert page.status_code == 200
    assert "<title>Seen</title>" in page.text


def assert_that_a_hanging_database_does_not_delay_other_datasets(suite: LocalSuite, marked: ItemByType) -> None:
    suite.kill("mongod-book", signal.SIGSTOP)
    try:
        with suite.client() as waiting, suite.client() as other, ThreadPoolExecutor() as threads:
            hanging = threads.submit(waiting.get, path(marked["BOOK"]))
            for _ in range(20):
                assert get(other, path(marked["SHOW"])) == marked["SHOW"]
            assert not hanging.done()
            assert_plain_page(other, marked["BOOK"])
            assert hanging.result().status_code in (503, 504)
    finally:
        suite.kill("mongod-book", signal.SIGCONT)
