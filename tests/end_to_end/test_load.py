"""The load test: it sends every kind of request, checks the content of the answers, and writes a report."""

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
from tests.end_to_end import faulty_gateway
from tests.end_to_end.suites import LocalSuite, run, wait_for

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
VERIFICATION = "GET /user/liked"  # checks that likes are stored
LOAD_TEST = ROOT / "scripts" / "load_test.sh"


def _run_each_task_once(suite: LocalSuite, url: str) -> Any:
    program = (sys.executable, "-m", "tests.end_to_end.locust_tasks_once", url)
    finished = run(*program, SEEN_AUTH0_URL=suite.auth0_url, SEEN_AUTH0_AUDIENCE=AUDIENCE).succeeded()
    return json.loads(finished.output.splitlines()[-1])


def test_each_task_gets_a_right_answer_and_the_accounts_are_deleted(suite: LocalSuite) -> None:
    result = _run_each_task_once(suite, suite.url)
    assert set(result["counts"]) == MIX | {VERIFICATION}
    assert result["errors"] == []
    with suite.client() as client:
        assert client.get("/user/search/visitor-").json() == {"usernames": []}


def test_wrong_content_with_a_right_status_is_a_failure(suite: LocalSuite) -> None:
    with faulty_gateway.running(suite.url) as url:
        result = _run_each_task_once(suite, url)
    failed = {name for name, (_, failures) in result["counts"].items() if failures}
    # The list shows that a mark is not stored; the answer to the mark is right.
    assert failed == {name for name in MIX if not name.startswith("PUT")} | {VERIFICATION}, result["errors"]


def test_a_load_test_writes_a_table_plots_and_a_page(suite: LocalSuite, tmp_path: Path) -> None:
    out = tmp_path / "out"

    finished = run(LOAD_TEST, "6", "1", "--suite", suite.folder, "--out", out).succeeded()

    table = (out / "table.md").read_text()
    assert table in finished.output
    rows = dict(re.findall(r"^\| `?([^`|]+?)`? \| ([\d,]+) \| 0 \|", table, re.MULTILINE))
    assert set(rows) & MIX
    assert sum(int(number) for name, number in rows.items() if name != "all") == int(rows["all"]) > 0
    plots = sorted(path.name for path in out.glob("*.png"))
    assert plots == ["latency.png", "requests.png", "resources.png"]
    assert (out / "report.html").read_text().count("data:image/png;base64,") == len(plots)
    with (out / "resources.csv").open() as file:
        sampled = {row["service"] for row in csv.DictReader(file) if float(row["mib"]) > 20}
    assert {"gateway", "library", "account", "book", "imdb", "anime", "MongoDB (4 servers)", "Locust"} <= sampled


def test_ctrl_c_stops_it_and_its_processes(suite: LocalSuite, tmp_path: Path) -> None:
    load_test = subprocess.Popen([LOAD_TEST, "2", "60", "--suite", suite.folder, "--out", tmp_path / "out"])
    wait_for(lambda: _has_results(tmp_path))
    locust = psutil.Process(load_test.pid).children(recursive=True)[-1:]

    load_test.send_signal(signal.SIGINT)

    assert load_test.wait(30) == 130
    assert not any(process.is_running() for process in locust)


def _has_results(folder: Path) -> bool:
    """Whether Locust has written its first results."""
    history = folder / "out" / "locust_stats_history.csv"
    return history.exists() and len(history.read_text().splitlines()) > 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["0", "10"], "USERS"),
        (["10", "10", "--suite", "nowhere"], "no suite is running with its data in"),
        (["10", "10", "--out", str(ROOT / "load")], "contains other files"),
    ],
)
def test_wrong_arguments_change_nothing(arguments: list[str], message: str, tmp_path: Path) -> None:
    before = time.time()
    out = [] if "--out" in arguments else ["--out", str(tmp_path / "out")]
    finished = run(LOAD_TEST, *arguments, *out, folder=tmp_path).failed()
    assert message in finished.output
    assert finished.exit_code == 2
    assert all(path.stat().st_mtime < before for path in (ROOT / "load").rglob("*.py"))
