"""Starts and stops operating system processes so that none is left behind, however the supervisor ends."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import psutil

from scripts.local.state import StartedProcess, SuiteError
from scripts.local.suite import HOST, ROOT, Command

# -I -S: the launcher needs the standard library only, and starts in a few milliseconds.
LAUNCHER = (sys.executable, "-I", "-S", str(Path(__file__).parent / "launcher.py"))
# Seconds between SIGTERM and SIGKILL: longer than the services' own SEEN_GRACE_S.
STOP_S = 10.0
LOG_LINES = 6  # shown of a log when its process died


class ChildProcess:
    """A running process whose output goes to a log file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log
        created = 0.0
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended already
            created = psutil.Process(process.pid).create_time()
        self.started = StartedProcess(process.pid, created)

    async def stop(self, seconds: float) -> bool:
        """Sends SIGTERM, and SIGKILL if the process has not ended after this time. Returns False if it was killed."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()
            return False
        return True

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # To the process group, so that the children of the process receive it too.
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def start_failure(self, name: str) -> SuiteError:
        """The error for a process that ended while it started, with the last lines of its log."""
        assert self.process.returncode is not None
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        heading = f"{name} died at start ({describe_exit(self.process.returncode)}). The end of its log, {self.log}:"
        return SuiteError("\n".join([heading, *(f"  {line[:500]}" for line in lines)]))


async def start(command: Command, log: Path) -> ChildProcess:
    """Starts the command with its output in `log`; the log of the previous run is kept as `.log.1`.

    Must be called from the main thread: the kernel kills the child when the thread that started it ends.
    """
    with _open_new(log) as output:
        process = await asyncio.create_subprocess_exec(
            *LAUNCHER,
            str(os.getpid()),
            *command.arguments,
            cwd=ROOT,
            env=_environment(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C reaches only the supervisor, which stops the processes in order
        )
    return ChildProcess(process, log)


def _open_new(log: Path) -> IO[bytes]:
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    return log.open("ab")


def _environment(command: Command) -> dict[str, str]:
    """The caller's environment without its SEEN_… variables, except for the log level."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("SEEN_") or name == "SEEN_LOG_LEVEL"
    }
    # Everything is on loopback, which a proxy must not intercept.
    loopback = ",".join(filter(None, (os.environ.get("no_proxy"), "localhost", HOST)))
    return inherited | {"no_proxy": loopback, "NO_PROXY": loopback} | command.environment


async def run(command: Command, log: Path, name: str) -> None:
    """Runs the command to its end. Raises SuiteError if it fails; kills it if cancelled."""
    child = await start(command, log)
    try:
        if await child.process.wait():
            raise child.start_failure(name)
    finally:
        child.kill()


def describe_exit(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"


def stop_orphans(processes: Iterable[StartedProcess]) -> None:
    """Stops what a killed supervisor left running, on systems that do not kill its children with it."""
    orphans = [psutil.Process(process.pid) for process in processes if process.is_alive()]
    for stop in (psutil.Process.terminate, psutil.Process.kill):
        for orphan in orphans:
            with contextlib.suppress(psutil.NoSuchProcess):
                stop(orphan)
        _, orphans = psutil.wait_procs(orphans, timeout=STOP_S)
