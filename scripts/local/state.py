"""What a running suite leaves in its folder, so that --status and --stop find it: a locked pid file and local.json."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

PID_FILE = "local.pid"
STATE_FILE = "local.json"


@dataclass
class Started:
    """One process as it was started, and what became of it."""

    pid: int
    # psutil's creation time: with the pid it names a process for good.
    created: float
    # Seconds from the start of the suite to the first healthy answer.
    ready_s: float | None = None
    # What ended it, if it ended by itself: "exit code 1", "killed by SIGKILL".
    ended: str | None = None


@dataclass
class State:
    """`pid` is the supervisor's; `ready` once everything was healthy for the first time."""

    pid: int
    offset: int
    ready: bool = False
    processes: dict[str, Started] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        file = folder / STATE_FILE
        new = file.with_suffix(".new")
        new.write_text(json.dumps(asdict(self), indent=1))
        new.replace(file)  # whoever reads finds the old one or the new one, whole


class AlreadyRunning(Exception):
    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.pid = pid


def files(folder: Path) -> list[Path]:
    return [folder / PID_FILE, folder / STATE_FILE]


def read(folder: Path) -> State | None:
    """What the suite of this folder last wrote, be it running or not."""
    try:
        found = json.loads((folder / STATE_FILE).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    processes = {name: Started(**process) for name, process in found.pop("processes").items()}
    return State(**found, processes=processes)


def supervisor(folder: Path) -> int | None:
    """The pid of the supervisor that runs this folder's suite now, if one does."""
    try:
        with (folder / PID_FILE).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except BlockingIOError:
        return _pid(folder)
    return None


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Holds the folder for this process; the lock goes with the process, however it ends. Raises AlreadyRunning."""
    with (folder / PID_FILE).open("a") as file:
        _lock(file, folder)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _lock(file: IO[str], folder: Path) -> None:
    for attempts_left in reversed(range(10)):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not attempts_left:
                raise AlreadyRunning(_pid(folder) or 0) from None
            time.sleep(0.05)  # it may be a --status that only looks


def _pid(folder: Path) -> int | None:
    with contextlib.suppress(ValueError):
        return int((folder / PID_FILE).read_text())
    return None
