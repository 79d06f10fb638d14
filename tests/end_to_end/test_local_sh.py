"""scripts/local.sh itself: what it says when something is in the way, and that it never leaves a process behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scripts.local.suite import ROOT
from tests.end_to_end.running import AS_IN_A_TERMINAL, Finished, RunningSuite, run, wait_for

pytestmark = pytest.mark.own_suite


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningSuite]:
    """A suite of the test's own, not started yet. Nothing of it is left afterwards, and that is a test too."""
    own = RunningSuite(tmp_path / "data")
    yield own
    if own.folder.is_dir():
        own.stop()
    assert mine(own) == []


def mine(suite: RunningSuite) -> list[psutil.Process]:
    """Every process that has to do with the suite's folder: they have it in their command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(suite.folder) in word for word in words):
            found.append(process)
    return found


class Foreground:
    """The suite as it runs in a terminal."""

    def __init__(self, suite: RunningSuite) -> None:
        self._said = suite.folder.parent / "terminal.txt"
        with self._said.open("wb") as output:
            command = [*AS_IN_A_TERMINAL, *suite.command()]
            self.process = subprocess.Popen(command, cwd="/", stdout=output, stderr=output)
        wait_for(lambda: self.process.poll() is not None or "ready after" in self.said, 240)

    @property
    def said(self) -> str:
        return self._said.read_text()

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(90)


def test_what_it_shows_when_it_is_ready_can_be_tried(own: RunningSuite) -> None:
    said = own.start()
    assert re.search(r"ready after [\d.]+ s", said), said
    for shown in (f"{own.url}/ui", own.auth0_url, "ana", "rui", "admin"):
        assert shown in said
    commands = [line.strip() for line in said.splitlines() if line.startswith(("  curl", "  TOKEN="))]
    assert len(commands) == 3
    tried = run("bash", "-euo", "pipefail", "-c", "\n".join(commands)).succeeded().said
    assert '"items"' in tried
    assert '"suggestions"' in tried
    assert '"requestId"' not in tried, tried


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_of_it_the_databases_last_and_cleanly(own: RunningSuite, number: signal.Signals) -> None:
    terminal = Foreground(own)
    assert "ready after" in terminal.said, terminal.said
    assert len(own.processes()) == len(own.suite.processes()) + 1
    assert terminal.interrupt(number) == 0
    assert mine(own) == []
    for log in (own.folder / "logs").glob("mongod-*.log"):
        assert '"Shutting down","attr":{"exitCode":0}' in log.read_text(), log.name


def test_a_port_that_is_taken_is_named_with_who_needs_it_and_who_holds_it(own: RunningSuite) -> None:
    with socket.create_server(("127.0.0.1", 50051 + own.offset)):
        failed = own.local("--detach").failed()
    assert (
        f"port {50051 + own.offset}, which library needs, is taken by {psutil.Process().name()} (pid {os.getpid()})"
        in failed.said
    )
    assert "--port-offset" in failed.said
    assert mine(own) == []


def test_started_twice_it_says_that_it_is_running(own: RunningSuite) -> None:
    own.start()
    pid = own.pid("supervisor")
    for again in ((), ("--detach",)):
        said = own.local(*again).failed().said
        assert said.startswith(f"it is already running (pid {pid}")
    own.local("--status").succeeded()


def test_nothing_is_left_behind_when_the_supervisor_is_killed(own: RunningSuite) -> None:
    own.start()
    processes = own.processes()
    own.kill("supervisor")
    _, left = psutil.wait_procs(processes, timeout=5)
    assert left == []
    assert own.local("--status").failed().said.startswith("nothing runs")
    own.local("--stop").succeeded()


def test_nothing_is_left_behind_when_it_is_stopped_while_it_starts(own: RunningSuite) -> None:
    with subprocess.Popen(own.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as starting:
        wait_for(lambda: (own.folder / "local.json").exists() and len(own.state()["processes"]) > 4)
        starting.terminate()
        assert starting.wait(90) == 0
    assert mine(own) == []


def test_a_service_that_dies_at_start_is_shown_with_the_end_of_its_log(own: RunningSuite) -> None:
    (own.folder / "account" / "accounts.db").mkdir(parents=True)  # no database can be there
    failed = own.local("--detach").failed()
    assert re.search(r"^the preparation of account died at start \(exit code \d+\)", failed.said, re.MULTILINE)
    assert "unable to open database file" in failed.said
    assert mine(own) == []


def test_a_service_that_dies_later_is_told_of_in_one_line_and_by_the_exit_code(own: RunningSuite) -> None:
    terminal = Foreground(own)
    before = terminal.said
    own.kill("anime")
    wait_for(lambda: terminal.said != before)
    said = terminal.said.removeprefix(before)
    assert re.fullmatch(r"anime died \(killed by SIGKILL\).*--stop and start again.*\n", said), said
    assert own.local("--status").failed().said.count("DIED") == 1
    assert terminal.interrupt() != 0


def test_without_a_mongod_it_says_what_to_install(own: RunningSuite) -> None:
    """The wheel's is hidden, as on a system for which there is no wheel; the PATH has none."""
    hide = (
        "import importlib.metadata as metadata, runpy, sys\n"
        "def missing(name): raise metadata.PackageNotFoundError(name)\n"
        "metadata.distribution = missing\n"
        "runpy.run_module('scripts.local', run_name='__main__', alter_sys=True)"
    )
    own.folder.mkdir()
    failed = _python(hide, "--data", str(own.folder)).failed()
    assert failed.said.splitlines()[-1].startswith("no mongod: install MongoDB")


def _python(program: str, *arguments: str) -> Finished:
    return run(sys.executable, "-c", program, *arguments, PATH="/nowhere")


def test_data_that_cannot_be_kept_there_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for way in ((), ("--detach",)):
        failed = run(ROOT / "scripts" / "local.sh", "--data", tmp_path / "file", *way).failed()
        assert failed.said.startswith(f"cannot keep data in {tmp_path / 'file'}: ")
        assert "Traceback" not in failed.said


def test_status_and_stop_say_so_where_nothing_runs(tmp_path: Path) -> None:
    nowhere = RunningSuite(tmp_path)
    assert nowhere.local("--status").failed().said == f"nothing runs with data in {tmp_path}\n"
    assert nowhere.local("--stop").succeeded().said == f"nothing runs with data in {tmp_path}\n"


def test_what_is_kept_is_private(suite: RunningSuite) -> None:
    assert [folder.name for folder in suite.suite.folders() if folder.stat().st_mode & 0o077] == []


def test_reset_asks_and_removes_only_what_is_the_suites(own: RunningSuite) -> None:
    own.start()
    (own.folder / "mine.txt").write_text("not the suite's")
    assert "--yes" in own.local("--reset").failed().said
    own.local("--status").succeeded()

    own.local("--reset", "--yes").succeeded()

    assert [path.name for path in own.folder.iterdir()] == ["mine.txt"]
    assert mine(own) == []


def test_data_is_meant_from_where_the_caller_stands(tmp_path: Path) -> None:
    said = run(ROOT / "scripts" / "local.sh", "--data", "here", "--status", folder=tmp_path).failed().said
    assert str(tmp_path / "here") in said


def test_help_names_every_option() -> None:
    said = run(ROOT / "scripts" / "local.sh", "--help").succeeded().said
    for option in ("--detach", "--stop", "--status", "--reset", "--data DIR", "--port-offset"):
        assert option in said
