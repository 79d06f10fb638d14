"""The commands of scripts/local.sh. Each returns its exit code."""

import asyncio
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.local import child_process, control, ports, state
from scripts.local.state import StartedProcess, State, SuiteError
from scripts.local.suite import AUDIENCE, DEFAULT_FOLDER, ROOT, Process, Suite
from scripts.local.supervisor import Supervisor

# Longer than the supervisor waits for all its processes.
STOP_TIMEOUT_S = 120.0
HEALTHY, DIED = "healthy", "DIED"


def start(suite: Suite, *, in_background: bool) -> int:
    """Runs the suite until it is stopped."""
    suite.make_folders()
    with state.lock(suite.folder):
        processes = suite.processes()
        previous = state.read(suite.folder)
        current = State(StartedProcess.current(), suite.offset, suite.compact)
        current.write(suite.folder)
        if previous:
            child_process.stop_orphans(previous.processes.values())
        with ports.reserve(processes):
            _say(f"starting {len(processes)} processes; data and logs: {suite.folder}")
            supervisor = Supervisor(suite, processes, current, _say)
            return asyncio.run(supervisor.run(lambda seconds: _say(_ready(suite, seconds, in_background))))


def _ready(suite: Suite, seconds: float, in_background: bool) -> str:
    api, auth0 = suite.gateway_url, suite.auth0_url
    data = "" if suite.folder == DEFAULT_FOLDER else f"--data {shlex.quote(str(suite.folder))} "
    stop = f"./scripts/local.sh {data}--stop" if in_background else "Ctrl-C"
    return f"""\
ready after {seconds:.1f} s

  website                 {api}/
  Swagger UI              {api}/ui
  API                     {api}
  sign-in (local_auth0)   {auth0}
  accounts                ana, rui (users), admin; the password is the name

  curl '{api}/lib/1?size=3'
  TOKEN=$(curl -s {auth0}/oauth/token -d grant_type=password -d client_id=seen-cli -d username=ana -d password=ana \
-d audience={AUDIENCE} | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')
  curl -X POST {api}/suggest -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"amount": 2}}'

{stop} stops everything; the data stays."""


def start_in_background(folder: Path, arguments: Sequence[str]) -> int:
    """Runs this program with these arguments in the background; shows its output until it is ready or has failed."""
    state.check_not_running(folder)
    log = folder / "logs" / "local.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("w") as output:
        background = subprocess.Popen(
            [sys.executable, "-m", "scripts.local", *arguments],
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
            current = state.read(folder)
            ready = current is not None and current.supervisor.pid == background.pid and current.ready
            for line in output:  # everything written before the two checks above
                print(line, end="", flush=True)
            if code is not None:
                return code or 1
            if ready:
                return 0
            time.sleep(0.05)


def restart(folder: Path, names: list[str]) -> int:
    """Restarts processes of the running suite, dead or alive; returns when they are healthy."""
    state.require_running(folder)
    control.request_restart(folder, names)
    _say(f"restarted: {', '.join(names)}")
    return 0


def stop(folder: Path) -> int:
    running = state.running(folder)
    if running is None:
        _say(f"nothing runs with data in {folder}")
        return 0
    supervisor = running.supervisor
    supervisor.send(signal.SIGTERM)
    until = time.monotonic() + STOP_TIMEOUT_S
    while supervisor.is_alive():
        if time.monotonic() > until:
            supervisor.send(signal.SIGKILL)  # its children die with it; acknowledged writes are on disk
            raise SuiteError(f"the suite did not stop in {STOP_TIMEOUT_S:.0f} s and was killed")
        time.sleep(0.05)
    _say("stopped")
    return 0


def show_status(folder: Path) -> int:
    """The exit code is 0 only if all processes are healthy."""
    running = state.require_running(folder)
    processes = Suite(folder, running.offset, compact=running.compact).processes()
    health = asyncio.run(_health_of_all(processes, running))
    _say(f"{'NAME':<16} {'PID':>8}  {'ADDRESS':<24} HEALTH")
    for process in processes:
        started = running.processes.get(process.name)
        pid = started.pid if started else ""
        _say(f"{process.name:<16} {pid:>8}  {process.address:<24} {health[process.name]}")
    if dead := [name for name, text in health.items() if text.startswith(DIED)]:
        _say(f"died: {', '.join(dead)}; --restart {' '.join(dead)} starts it again")
    return 0 if set(health.values()) == {HEALTHY} else 1


async def _health_of_all(processes: Sequence[Process], running: State) -> dict[str, str]:
    """By name of the process."""
    texts = await asyncio.gather(*(_health(process, running) for process in processes))
    return {process.name: text for process, text in zip(processes, texts, strict=True)}


async def _health(process: Process, running: State) -> str:
    started = running.processes.get(process.name)
    if started is None:
        return "not started yet"
    if started.ended or not started.is_alive():
        return f"{DIED} ({started.ended or 'just now'})"
    return await process.probe() or HEALTHY


def reset(folder: Path, *, confirmed: bool) -> int:
    """Stops the suite and removes its data; removes the folder itself only if nothing else is in it."""
    data = [path for path in (*Suite(folder, 0).folders(), *state.files(folder)) if path.exists()]
    if not data:
        _say(f"there is nothing in {folder}")
        return 0
    if not confirmed:
        if not sys.stdin.isatty():
            raise SuiteError(f"this removes all data in {folder}: confirm with --yes")
        if input(f"Remove all items, accounts and marks in {folder}? [y/N] ").strip().lower() not in ("y", "yes"):
            _say("nothing was removed")
            return 1
    if state.running(folder):
        stop(folder)
    for path in data:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
    _say(f"removed the data in {folder}; the next start loads the sample library")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)
