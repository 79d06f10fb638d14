"""Runs one command so that nothing of it outlives whoever started this: guard.py GRACE_SECONDS COMMAND…

Standard input is a pipe whose other end the starter holds. When that closes, be it that the starter wants the command
ended or that it was killed, the command is asked to end, and after the grace everything that it started is killed.
A program of its own, because a process with threads must not run code between fork and exec. Standard library only.
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
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # what its children leave behind becomes ours to end
    child = subprocess.Popen(  # noqa: S603 (to run what it is given is what this is for)
        command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with(os.getpid()) if LINUX else None
    )

    def stop_when(told: Callable[[], None]) -> None:
        threading.Thread(target=_stop_when, args=(told, child, grace_s), daemon=True).start()

    stop_when(_input_ends)
    signal.signal(signal.SIGTERM, lambda *_: stop_when(lambda: None))
    code = child.wait()
    _kill_group(child.pid)
    if LINUX:
        _kill_left_behind()
    return code if code >= 0 else 128 - code


def _die_with(parent: int) -> Callable[[], None]:
    prctl = ctypes.CDLL(None).prctl

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has died already
            os._exit(1)
        # Where memory runs out, the job goes first, and not a database that happens to be larger.
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")

    return ask_the_kernel


def _input_ends() -> None:
    while os.read(0, 1024):
        pass


def _stop_when(told: Callable[[], None], child: subprocess.Popen[bytes], grace_s: float) -> None:
    told()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(grace_s)
    _kill_group(child.pid)


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _kill_left_behind() -> None:
    """Kills our children, then those of theirs that become ours, until there are none."""
    with contextlib.suppress(ChildProcessError):  # there are none
        while True:
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)


def _children() -> list[int]:
    me, found = os.getpid(), []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the name in parentheses, which may hold anything: state, parent.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == me:
                found.append(int(stat.parent.name))
    return found


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
