"""What the command line can do. Each command returns its exit code."""

import asyncio
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from scripts.local import child_process, control, ports, state, status
from scripts.local.state import StartedProcess, State, SuiteError
from scripts.local.suite import AUDIENCE, DEFAULT_FOLDER, ROOT, Suite
from scripts.local.supervisor import Supervisor

# Longer than the sum of what stopping waits for.
STOP_TIMEOUT_S = 120.0


def start(
    folder: Path, offset: int, spark_runner: str, *, compact: bool, variables: Mapping[str, str], detached: bool
) -> int:
    """Runs the suite until it is stopped."""
    suite = Suite(folder, offset, spark_runner, compact=compact, variables=variables)
    suite.make_folders()
    with state.lock(folder):
        processes = suite.processes()
        before, now = state.read(folder), State(StartedProcess.current(), offset, compact)
        now.write(folder)
        if before:
            child_process.stop_orphans(before.processes.values())
        with ports.reserve(processes):
            _say(f"starting {len(processes)} processes; data and logs: {folder}")
            supervisor = Supervisor(suite, processes, now, _say)
            return asyncio.run(supervisor.run(lambda seconds: _say(_ready(suite, seconds, detached))))


def _ready(suite: Suite, seconds: float, detached: bool) -> str:
    api, auth0 = suite.gateway_url, suite.auth0_url
    data = "" if suite.folder == DEFAULT_FOLDER else f"--data {shlex.quote(str(suite.folder))} "
    stop = f"./scripts/local.sh {data}--stop" if detached else "Ctrl-C"
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


def detach(folder: Path, offset: int, spark_runner: str, *, compact: bool, variables: Mapping[str, str]) -> int:
    """Starts the suite in the background and shows its output until it is ready or has failed."""
    state.check_not_running(folder)
    log = folder / "logs" / "local.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("w") as output:
        background = subprocess.Popen(
            [
                *(sys.executable, "-m", "scripts.local", "--detached"),
                *("--data", folder, "--port-offset", str(offset), "--spark", spark_runner),
                *(["--compact"] if compact else []),
                *(f"--set={name}={value}" for name, value in variables.items()),
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
            ready = now is not None and now.supervisor.pid == background.pid and now.ready
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
            supervisor.send(signal.SIGKILL)  # its children die with it; everything acknowledged is on disk
            raise SuiteError(f"it did not stop in {STOP_TIMEOUT_S:.0f} s and was killed")
        time.sleep(0.05)
    _say("stopped")
    return 0


def show_status(folder: Path) -> int:
    """The exit code is 0 only if all processes are healthy."""
    running = state.require_running(folder)
    suite = Suite(folder, running.offset, compact=running.compact)
    table, healthy = asyncio.run(status.table(suite.processes(), running))
    _say(table)
    return 0 if healthy else 1


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
