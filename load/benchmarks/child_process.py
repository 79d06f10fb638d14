"""Runs a program and measures it together with its child processes."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

import psutil

from scripts.local.suite import ROOT


@dataclass(frozen=True)
class Usage:
    """`exit_code`: as in subprocess. `cpu_s` covers child processes that have ended. `peak`: bytes of memory."""

    exit_code: int
    wall_s: float
    cpu_s: float
    peak: int


def run(
    command: Sequence[str],
    output: IO[str],
    memory: Callable[[psutil.Process], int],
    sample_s: float,
    limit_s: float = float("inf"),
) -> Usage:
    """Kills the program and its child processes after `limit_s`. `memory` reads one process's bytes."""
    started = time.monotonic()
    child = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, start_new_session=True)  # noqa: S603
    process, peak = psutil.Process(child.pid), 0
    try:
        while not (ended := os.wait4(child.pid, os.WNOHANG))[0]:
            peak = max(peak, _sum(process, memory))
            if time.monotonic() - started > limit_s:
                os.killpg(child.pid, signal.SIGKILL)
            time.sleep(sample_s)
    except KeyboardInterrupt:
        os.killpg(child.pid, signal.SIGKILL)
        raise
    _, status, usage = ended
    child.returncode = os.waitstatus_to_exitcode(status)
    return Usage(child.returncode, time.monotonic() - started, usage.ru_utime + usage.ru_stime, peak)


def _sum(process: psutil.Process, memory: Callable[[psutil.Process], int]) -> int:
    total = 0
    with suppress(psutil.Error):
        for member in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                total += memory(member)
    return total
