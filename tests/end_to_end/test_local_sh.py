"""scripts/local.sh: its messages, --restart, and that none of its processes outlives it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from scripts.local.suite import LIBRARY, ROOT
from tests.end_to_end.suites import WITH_SIGNALS, Completed, LocalSuite, run, wait_for

pytestmark = pytest.mark.own_suite


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalSuite]:
    """The test's own suite, not started yet. Fails if one of its processes still runs after the test."""
    own = LocalSuite(tmp_path / "data")
    yield own
    if own.folder.is_dir():
        own.stop()
    assert processes_of(own) == []


def processes_of(suite: LocalSuite) -> list[psutil.Process]:
    """All processes with the suite's folder in the command line or the environment."""
    processes = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(suite.folder) in word for word in words):
            processes.append(process)
    return processes


class Foreground:
    """A suite in the foreground, as in a terminal."""

    def __init__(self, suite: LocalSuite) -> None:
        self._terminal = suite.folder.parent / "terminal.txt"
        with self._terminal.open("wb") as output:
            command = [*WITH_SIGNALS, *suite.command()]
            self.process = subprocess.Popen(command, cwd="/", stdout=output, stderr=output)
        wait_for(lambda: self.process.poll() is not None or "ready after" in self.output, 240)

    @property
    def output(self) -> str:
        return self._terminal.read_text()

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(90)


def test_the_commands_shown_when_it_is_ready_work(suite: LocalSuite) -> None:
    output = suite.start_output
    assert re.search(r"ready after [\d.]+ s", output), output
    for shown in (f"{suite.url}/ui", suite.auth0_url, "ana", "rui", "admin"):
        assert shown in output
    [first_address, *_] = re.findall(r"http://\S+", output.partition("ready after")[2])
    assert first_address == f"{suite.url}/"
    assert httpx.get(first_address).headers["content-type"].startswith("text/html")
    commands = [line.strip() for line in output.splitlines() if line.startswith(("  curl", "  TOKEN="))]
    assert len(commands) == 3
    answers = run("bash", "-euo", "pipefail", "-c", "\n".join(commands)).succeeded().output
    assert '"items"' in answers
    assert '"suggestions"' in answers
    assert '"requestId"' not in answers, answers


# SIGTERM is what --stop sends, and what the test of a stop during the start sends.
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything_the_databases_last_and_cleanly(own: LocalSuite, number: signal.Signals) -> None:
    terminal = Foreground(own)
    assert "ready after" in terminal.output, terminal.output
    assert len(own.processes()) == len(own.suite.processes()) + 1
    assert terminal.interrupt(number) == 0
    assert processes_of(own) == []
    for log in (own.folder / "logs").glob("mongod-*.log"):
        assert '"Shutting down","attr":{"exitCode":0}' in log.read_text(), log.name


def test_a_taken_port_is_reported_with_who_needs_it_and_who_has_it(own: LocalSuite) -> None:
    with socket.create_server(("127.0.0.1", LIBRARY + own.offset)):
        failed = own.local("--detach").failed()
    assert (
        f"port {LIBRARY + own.offset}, which library needs, is taken by {psutil.Process().name()} (pid {os.getpid()})"
        in failed.output
    )
    assert "--port-offset" in failed.output
    assert processes_of(own) == []


def test_a_second_start_reports_that_it_is_running(suite: LocalSuite) -> None:
    pid = suite.pid("supervisor")
    for again in ((), ("--detach",)):
        assert suite.local(*again).failed().output.startswith(f"it is already running (pid {pid}")
    suite.local("--status").succeeded()


def test_nothing_is_left_behind_when_it_is_stopped_during_the_start(own: LocalSuite) -> None:
    with subprocess.Popen(own.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as starting:
        wait_for(lambda: (own.folder / "local.json").exists() and len(own.state()["processes"]) > 4)
        starting.terminate()
        assert starting.wait(90) == 0
    assert processes_of(own) == []


def test_a_service_that_dies_at_start_is_shown_with_the_end_of_its_log(own: LocalSuite) -> None:
    (own.folder / "account" / "accounts.db").mkdir(parents=True)  # SQLite cannot open a folder
    failed = own.local("--detach").failed()
    assert re.search(r"^the preparation of account died at start \(exit code \d+\)", failed.output, re.MULTILINE)
    assert "unable to open database file" in failed.output
    assert processes_of(own) == []


def test_a_service_that_dies_later_is_reported_in_one_line_and_by_the_exit_code(own: LocalSuite) -> None:
    terminal = Foreground(own)
    before = terminal.output
    own.kill("anime")
    wait_for(lambda: terminal.output != before)
    message = terminal.output.removeprefix(before)
    assert re.fullmatch(r"anime died \(killed by SIGKILL\).*--restart anime.*\n", message), message
    assert own.local("--status").failed().output.count("DIED") == 1
    assert terminal.interrupt() != 0


def test_restart_replaces_the_named_processes_only(suite: LocalSuite) -> None:
    before = suite.state()["processes"]

    suite.local("--restart", "library", "mongod-book").succeeded()

    after = suite.state()["processes"]
    assert {name for name in before if before[name] != after[name]} == {"library", "mongod-book"}
    suite.local("--status").succeeded()
    with suite.client() as client:
        assert client.get("/lib/1").json()["missing"] == []


def test_restart_of_an_unknown_name_changes_nothing_and_lists_the_names(suite: LocalSuite) -> None:
    before = suite.state()
    failed = suite.local("--restart", "library", "libary").failed()
    assert failed.output.startswith("no process is named libary; the names are mongod-book, ")
    assert suite.state() == before


def test_a_restart_that_fails_shows_the_end_of_the_log_and_the_rest_still_runs(own: LocalSuite) -> None:
    own.start()
    database = own.folder / "account" / "accounts.db"
    for file in database.parent.iterdir():
        file.rename(own.folder / file.name)
    database.mkdir()  # SQLite cannot open a folder

    failed = own.local("--restart", "account").failed()

    assert "unable to open database file" in failed.output
    assert own.local("--status").failed().output.count("DIED") == 1
    with own.client() as client:
        assert client.get("/lib/1").status_code == 200


def test_without_a_mongod_the_error_says_what_to_install(own: LocalSuite) -> None:
    """Hides the mongod of the wheel, as on a system for which there is no wheel; the PATH has none."""
    hide = (
        "import importlib.metadata as metadata, runpy, sys\n"
        "def missing(name): raise metadata.PackageNotFoundError(name)\n"
        "metadata.distribution = missing\n"
        "runpy.run_module('scripts.local', run_name='__main__', alter_sys=True)"
    )
    own.folder.mkdir()
    failed = _python(hide, "--data", str(own.folder)).failed()
    assert failed.output.splitlines()[-1].startswith("no mongod: install MongoDB")


def _python(program: str, *arguments: str) -> Completed:
    return run(sys.executable, "-c", program, *arguments, PATH="/stopped")


def test_a_folder_that_cannot_be_used_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for arguments in ((), ("--detach",)):
        failed = run(ROOT / "scripts" / "local.sh", "--data", tmp_path / "file", *arguments).failed()
        assert failed.output.startswith(f"cannot keep data in {tmp_path / 'file'}: ")
        assert "Traceback" not in failed.output


def test_status_stop_and_restart_report_that_nothing_runs(tmp_path: Path) -> None:
    stopped = LocalSuite(tmp_path)
    assert stopped.local("--status").failed().output == f"nothing runs with data in {tmp_path}\n"
    assert stopped.local("--stop").succeeded().output == f"nothing runs with data in {tmp_path}\n"
    assert stopped.local("--restart", "library").failed().output == f"nothing runs with data in {tmp_path}\n"


def test_data_is_readable_by_its_owner_only(suite: LocalSuite) -> None:
    assert [folder.name for folder in suite.suite.folders() if folder.stat().st_mode & 0o077] == []


def test_reset_asks_and_removes_only_the_suites_data(own: LocalSuite) -> None:
    own.start()
    (own.folder / "mine.txt").write_text("not the suite's")
    assert "--yes" in own.local("--reset").failed().output
    own.local("--status").succeeded()

    own.local("--reset", "--yes").succeeded()

    assert [path.name for path in own.folder.iterdir()] == ["mine.txt"]
    assert processes_of(own) == []


def test_the_data_folder_is_relative_to_the_callers_folder(tmp_path: Path) -> None:
    status = run(ROOT / "scripts" / "local.sh", "--data", "here", "--status", folder=tmp_path).failed()
    assert str(tmp_path / "here") in status.output


def test_help_names_every_option() -> None:
    options = ("--detach", "--status", "--restart NAME", "--stop", "--reset", "--data DIR", "--port-offset", "--spark")
    output = run(ROOT / "scripts" / "local.sh", "--help").succeeded().output
    assert [option for option in options if option not in output] == []
