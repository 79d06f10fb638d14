"""Starts and ends processes so that none is ever left behind, whatever happens to the one that started them."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import psutil

from scripts.local.suite import ROOT, Command, environment

# -I -S: it needs no more than the standard library, and has it in a few milliseconds.
LAUNCHER = (sys.executable, "-I", "-S", str(Path(__file__).parent / "launcher.py"))
# What a process gets between SIGTERM and SIGKILL: more than the services' own SEEN_GRACE_S.
STOP_S = 10.0
# A mongod that has much to write takes longer, and is worth waiting for.
MONGOD_STOP_S = 60.0
LAST_LINES = 6  # of a log, when its process has died


class StartFailed(Exception):
    """The suite cannot start; the message says why, in lines for a person."""


class Child:
    """A running process, its output going to a log file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log
        try:
            self.created = psutil.Process(process.pid).create_time()
        except psutil.NoSuchProcess:
            self.created = 0.0  # it has ended already

    @property
    def pid(self) -> int:
        return self.process.pid

    async def stop(self, seconds: float) -> bool:
        """Asks it to end, and ends it after that time. Whether asking was enough."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await self.process.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.process.wait()
            return False
        return True

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # To its whole group: whatever it started goes along.
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def died_at_start(self, who: str) -> StartFailed:
        """Says how it ended, with the end of its log."""
        assert self.process.returncode is not None
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        how = how_it_ended(self.process.returncode)
        said = [f"  {line[:500]}" for line in lines]
        return StartFailed("\n".join([f"{who} died at start ({how}). The end of its log, {self.log}:", *said]))


async def start(command: Command, log: Path) -> Child:
    """Starts the command with its output in `log`; the log of the run before is kept beside it.

    Must be called from the main thread: the kernel ends the child as soon as the thread that started it has ended.
    """
    with _fresh(log) as output:
        process = await asyncio.create_subprocess_exec(
            *LAUNCHER,
            str(os.getpid()),
            *command.arguments,
            cwd=ROOT,
            env=environment(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops everything in order
        )
    return Child(process, log)


def _fresh(log: Path) -> IO[bytes]:
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    return log.open("ab")


async def run_to_end(command: Command, log: Path, who: str) -> None:
    """Raises StartFailed where the command fails. Cancelled, it ends the command."""
    child = await start(command, log)
    try:
        if await child.process.wait():
            raise child.died_at_start(who)
    finally:
        child.kill()


def how_it_ended(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"


def alive(pid: int, created: float) -> bool:
    """Whether that very process still runs."""
    try:
        process = psutil.Process(pid)
        return process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def end_leftovers(started: Iterable[tuple[int, float]]) -> int:
    """Ends what a supervisor that was killed could not; returns how many there were."""
    left = [psutil.Process(pid) for pid, created in started if alive(pid, created)]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(left, timeout=STOP_S)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=STOP_S)
    return len(left)
