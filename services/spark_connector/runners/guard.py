"""Runs one command so that nothing it starts outlives the caller: guard.py GRACE_SECONDS COMMAND…

Standard input is a pipe whose other end the caller holds. When it closes, because the caller ends the command or was
killed, the command gets SIGTERM; GRACE_SECONDS later everything that it started gets SIGKILL. This is a separate
program because a process with threads must not run code between fork and exec. Standard library only.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
LINUX = sys.platform == "linux"


def main(grace_s: float, command: list[str]) -> int:
    if LINUX:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # orphans of the command become our children
    child = subprocess.Popen(  # noqa: S603 (running a command is its purpose)
        command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with(os.getpid()) if LINUX else None
    )

    def stop_after(wait: Callable[[], None]) -> None:
        threading.Thread(target=_stop_after, args=(wait, child, grace_s), daemon=True).start()

    stop_after(_wait_for_end_of_input)
    signal.signal(signal.SIGTERM, lambda *_: stop_after(lambda: None))
    code = child.wait()
    _kill_group(child.pid)
    if LINUX:
        _kill_orphans()
    return code if code >= 0 else 128 - code


def _die_with(parent: int) -> Callable[[], None]:
    prctl = ctypes.CDLL(None).prctl

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has already died
            os._exit(1)
        # If memory runs out, the kernel must kill the job, not a larger process such as a database.
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")

    return before_exec


def _wait_for_end_of_input() -> None:
    while os.read(0, 1024):
        pass


def _stop_after(wait: Callable[[], None], child: subprocess.Popen[bytes], grace_s: float) -> None:
    wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(grace_s)
    _kill_group(child.pid)


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _kill_orphans() -> None:
    """Kills our children, and their children when they become ours, until none is left."""
    with contextlib.suppress(ChildProcessError):  # no child is left
        while True:
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)


def _children() -> list[int]:
    own_pid, children = os.getpid(), []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the name in parentheses, which may contain anything: state, parent.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == own_pid:
                children.append(int(stat.parent.name))
    return children


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
