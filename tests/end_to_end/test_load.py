"""The load test asks for what it should, believes no answer by its status alone, and leaves what it promises."""

import csv
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from scripts.local.suite import AUDIENCE, ROOT
from tests.end_to_end import lying
from tests.end_to_end.running import RunningSuite, run, wait_for

pytestmark = pytest.mark.own_suite

MIX = {
    "GET /lib/{page}",
    "GET /item/{type}/{id}",
    "PUT /item/{type}/{id}/like",
    "PUT /item/{type}/{id}/seen",
    "POST /suggest",
    "GET /user/login",
    "GET /user/logout",
    "GET /user/search/{username}",
}
LOOKED_UP = "GET /user/liked"  # where the first like must be
LOAD_TEST = ROOT / "scripts" / "load_test.sh"


def _each_thing_once(suite: RunningSuite, url: str) -> Any:
    program = (sys.executable, "-m", "tests.end_to_end.load_once", url)
    finished = run(*program, SEEN_AUTH0_URL=suite.auth0_url, SEEN_AUTH0_AUDIENCE=AUDIENCE).succeeded()
    return json.loads(finished.said.splitlines()[-1])


def test_each_thing_that_people_do_gets_a_right_answer_and_nobody_stays_behind(suite: RunningSuite) -> None:
    done = _each_thing_once(suite, suite.url)
    assert set(done["counts"]) == MIX | {LOOKED_UP}
    assert done["why"] == []
    with suite.client() as client:
        assert client.get("/user/search/visitor-").json() == {"usernames": []}


def test_right_statuses_with_wrong_content_are_failures(suite: RunningSuite) -> None:
    with lying.gateway(suite.url) as url:
        done = _each_thing_once(suite, url)
    failed = {name for name, (_, failures) in done["counts"].items() if failures}
    # That nothing was kept is found where the mark should be, not where it was sent.
    assert failed == {name for name in MIX if not name.startswith("PUT")} | {LOOKED_UP}, done["why"]


def test_a_load_test_leaves_a_table_plots_and_a_page(suite: RunningSuite, tmp_path: Path) -> None:
    out = tmp_path / "out"

    finished = run(LOAD_TEST, "6", "3", "--suite", suite.folder, "--out", out).succeeded()

    table = (out / "table.md").read_text()
    assert table in finished.said
    rows = dict(re.findall(r"^\| `?([^`|]+?)`? \| ([\d,]+) \| 0 \|", table, re.MULTILINE))
    assert set(rows) & MIX
    assert sum(int(number) for name, number in rows.items() if name != "all") == int(rows["all"]) > 0
    pictures = sorted(path.name for path in out.glob("*.png"))
    assert pictures == ["latency.png", "requests.png", "resources.png"]
    assert (out / "report.html").read_text().count("data:image/png;base64,") == len(pictures)
    with (out / "resources.csv").open() as file:
        sampled = {row["service"] for row in csv.DictReader(file) if float(row["mib"]) > 20}
    assert {"gateway", "library", "account", "book", "imdb", "anime", "MongoDB (4 servers)", "Locust"} <= sampled


def test_ctrl_c_ends_it_and_what_it_has_started(suite: RunningSuite, tmp_path: Path) -> None:
    load_test = subprocess.Popen([LOAD_TEST, "2", "60", "--suite", suite.folder, "--out", tmp_path / "out"])
    locust = wait_for(lambda: psutil.Process(load_test.pid).children(recursive=True)[-1:] if _runs(tmp_path) else [])

    load_test.send_signal(signal.SIGINT)

    assert load_test.wait(30) == 130
    assert not any(process.is_running() for process in locust)


def _runs(folder: Path) -> bool:
    """Whether Locust has begun to count."""
    history = folder / "out" / "locust_stats_history.csv"
    return history.exists() and len(history.read_text().splitlines()) > 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["0", "10"], "USERS"),
        (["10", "10", "--suite", "nowhere"], "nothing runs with data in"),
        (["10", "10", "--out", str(ROOT / "load")], "holds other things"),
    ],
)
def test_what_it_cannot_do_it_says_and_leaves_alone(arguments: list[str], said: str, tmp_path: Path) -> None:
    before = time.time()
    out = [] if "--out" in arguments else ["--out", str(tmp_path / "out")]
    finished = run(LOAD_TEST, *arguments, *out, folder=tmp_path).failed()
    assert said in finished.said
    assert finished.code == 2
    assert all(path.stat().st_mtime < before for path in (ROOT / "load").glob("*.py"))
