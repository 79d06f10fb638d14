"""The files by which --status, --stop and --restart find a running suite: local.lock, local.json and local.sock."""

import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

LOCK_FILE, STATE_FILE = "local.lock", "local.json"
# Where the supervisor receives requests; see control.py.
SOCKET = "local.sock"
# Creation times change a little when the system's clock is adjusted.
CLOCK_TOLERANCE_S = 2


class SuiteError(Exception):
    """Ends a command. The message is for the user and may have several lines."""


@dataclass
class StartedProcess:
    """A process that the suite has started."""

    pid: int
    created: float
    """psutil's creation time; together with the pid it identifies a process."""
    ended: str | None = None
    """Set if the process ended by itself: "exit code 1", "killed by SIGKILL"."""

    @classmethod
    def current(cls) -> "StartedProcess":
        return cls(os.getpid(), psutil.Process().create_time())

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def is_alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < CLOCK_TOLERANCE_S
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


@dataclass
class State:
    """A suite as stored in STATE_FILE; `ready` is set when all processes have been healthy for the first time."""

    supervisor: StartedProcess
    offset: int
    compact: bool = False
    ready: bool = False
    processes: dict[str, StartedProcess] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        file = folder / STATE_FILE
        new = file.with_suffix(".new")
        new.write_text(json.dumps(asdict(self), indent=1))
        new.replace(file)  # atomically, so that readers never see half a file


def files(folder: Path) -> list[Path]:
    return [folder / name for name in (LOCK_FILE, STATE_FILE, SOCKET)]


def read(folder: Path) -> State | None:
    """The state that the folder's suite last wrote, whether or not it still runs."""
    try:
        content = json.loads((folder / STATE_FILE).read_text())
        return State(
            StartedProcess(**content.pop("supervisor")),
            processes={name: StartedProcess(**process) for name, process in content.pop("processes").items()},
            **content,
        )
    except (FileNotFoundError, NotADirectoryError, ValueError, LookupError, TypeError):
        return None  # no file, or a file of another version


def running(folder: Path) -> State | None:
    """The state of the folder's suite if its supervisor runs."""
    state = read(folder)
    return state if state and state.supervisor.is_alive() else None


def require_running(folder: Path) -> State:
    """As running(). Raises SuiteError if nothing runs."""
    if state := running(folder):
        return state
    raise SuiteError(f"nothing runs with data in {folder}")


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Reserves the folder for this process until it ends, however it ends. Raises SuiteError if a suite runs."""
    check_not_running(folder)
    with (folder / LOCK_FILE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SuiteError(f"another start with data in {folder} is under way") from None
        yield


def check_not_running(folder: Path) -> None:
    if state := running(folder):
        pid = state.supervisor.pid
        raise SuiteError(f"it is already running (pid {pid}, data in {folder}); see --status and --stop")
