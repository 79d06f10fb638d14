"""What the command line can be asked for. Each returns the exit code."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from scripts.local import children, ports, state, table, welcome
from scripts.local.children import StartFailed
from scripts.local.state import AlreadyRunning, State
from scripts.local.suite import ROOT, Process, Suite
from scripts.local.supervisor import Supervisor

# Longer than everything that stopping waits for.
STOP_S = 120.0


def start(folder: Path, offset: int, spark: str, *, detached: bool = False) -> int:
    """Runs the suite until it is told to stop."""
    suite = Suite(folder, offset, spark)
    try:
        suite.make_folders()
        with state.only_one(folder):
            processes = suite.processes()
            _end_leftovers(folder)
            with ports.held(processes):
                return _supervise(suite, processes, detached)
    except AlreadyRunning as running_already:
        return fail(
            f"it is already running (pid {running_already.pid}, data in {folder}); --status shows it, --stop stops it"
        )
    except StartFailed as failure:
        return fail(str(failure))
    except OSError as error:
        return fail(f"cannot keep data in {folder}: {error}")


def _supervise(suite: Suite, processes: list[Process], detached: bool) -> int:
    running = State(os.getpid(), suite.offset)
    running.write(suite.folder)
    say(f"starting {len(processes)} processes; data and logs: {suite.folder}")
    supervisor = Supervisor(suite, processes, running, say)
    return asyncio.run(supervisor.run(lambda seconds: say(welcome.text(suite, seconds, detached=detached))))


def _end_leftovers(folder: Path) -> None:
    """Of a supervisor that was killed on a system that does not take its processes along."""
    if before := state.read(folder):
        children.end_leftovers((process.pid, process.created) for process in before.processes.values())


def detach(folder: Path, offset: int, spark: str) -> int:
    """Starts the suite in the background; returns when it is ready or has failed, having shown what it said."""
    if pid := _running(folder):
        return fail(f"it is already running (pid {pid}, data in {folder}); --status shows it, --stop stops it")
    log = folder / "logs" / "local.log"
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        output = log.open("w")
    except OSError as error:
        return fail(f"cannot keep data in {folder}: {error}")
    with output:
        background = subprocess.Popen(
            [
                *(sys.executable, "-m", "scripts.local", "--detached"),
                *("--data", folder, "--port-offset", str(offset), "--spark", spark),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        return _follow(background, log, folder)
    except KeyboardInterrupt:
        background.terminate()
        return background.wait() or 130


def _follow(background: "subprocess.Popen[bytes]", log: Path, folder: Path) -> int:
    with log.open() as output:
        while True:
            code = background.poll()
            now = state.read(folder)
            ready = now is not None and now.pid == background.pid and now.ready
            for line in output:  # what was said before the question was answered
                print(line, end="", flush=True)
            if code is not None:
                return code or 1
            if ready:
                return 0
            time.sleep(0.05)


def stop(folder: Path) -> int:
    pid = _running(folder)
    if pid is None:
        say(f"nothing runs with data in {folder}")
        return 0
    try:
        supervisor = psutil.Process(pid)
        supervisor.terminate()
        supervisor.wait(STOP_S)
    except psutil.NoSuchProcess:
        pass  # it was stopping already
    except psutil.TimeoutExpired:
        supervisor.kill()  # takes its processes along; all that was acknowledged is on disk
        return fail(f"it did not stop in {STOP_S:.0f} s and was killed")
    say("stopped")
    return 0


def status(folder: Path) -> int:
    """Shows every process. The exit code is 0 only if all of them are healthy."""
    running, found = _running(folder), state.read(folder)
    if running is None or found is None or found.pid != running:
        say(f"nothing runs with data in {folder}")
        return 1
    processes = Suite(folder, found.offset).processes()
    rows = asyncio.run(table.rows(processes, found))
    say(table.text(rows))
    return 0 if all(row.healthy for row in rows) else 1


def reset(folder: Path, *, sure: bool) -> int:
    """Stops the suite and removes what it kept; the folder itself only if nothing else is in it."""
    suite = Suite(folder, 0)
    kept = [path for path in (*suite.folders(), *state.files(folder)) if path.exists()]
    if not kept:
        say(f"there is nothing in {folder}")
        return 0
    if not sure:
        if not sys.stdin.isatty():
            return fail(f"this removes all data in {folder}: say --yes as well")
        if input(f"Remove all items, accounts and marks in {folder}? [y/N] ").strip().lower() not in ("y", "yes"):
            say("nothing was removed")
            return 1
    if _running(folder) and stop(folder):
        return 1
    for path in kept:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
    say(f"removed the data in {folder}; the next start begins with the sample library")
    return 0


def _running(folder: Path) -> int | None:
    return state.supervisor(folder)


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str) -> int:
    print(text, file=sys.stderr, flush=True)
    return 1
