"""Running suites for the tests: one that runs elsewhere, or one that scripts/local.sh starts in the background."""

import json
import os
import random
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from scripts.local import ports
from scripts.local.suite import AUDIENCE, ROOT, Suite

START_TIMEOUT_S = 240
# Prefix of commands that must react to Ctrl-C: programs started under nohup, such as these tests, may ignore it.
WITH_SIGNALS = ("env", "--default-signal=INT,HUP")


class Completed:
    """A command that has ended: its exit code, and its output on both streams."""

    def __init__(self, command: str, exit_code: int, output: str) -> None:
        self.command, self.exit_code, self.output = command, exit_code, output

    def succeeded(self) -> Self:
        assert self.exit_code == 0, f"{self.command}: exit code {self.exit_code}\n{self.output}"
        return self

    def failed(self) -> Self:
        assert self.exit_code != 0, f"{self.command} should have failed\n{self.output}"
        return self


def run(*command: str | Path, folder: Path = ROOT, timeout_s: float = START_TIMEOUT_S, **environment: str) -> Completed:
    """Runs a command without input to its end."""
    process = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return Completed(shlex.join(map(str, command)), process.returncode, process.stdout)


class SuiteUnderTest:
    """A running suite, which may run elsewhere. `auth0_url` must be the URL that the gateway has for Auth0."""

    def __init__(self, url: str, auth0_url: str) -> None:
        self.url, self.auth0_url = url, auth0_url
        # By issuer and username: a suite that moves to other ports has another issuer.
        self._tokens: dict[tuple[str, str], str] = {}

    def token(self, username: str) -> str:
        key = self.auth0_url, username
        if key not in self._tokens:
            self._tokens[key] = _token(*key)
        return self._tokens[key]

    @contextmanager
    def client(self, username: str | None = None) -> Iterator[httpx.Client]:
        """An HTTP client of the gateway, signed in as that user."""
        headers = {"Authorization": f"Bearer {self.token(username)}"} if username else {}
        with httpx.Client(base_url=self.url, headers=headers, timeout=30) as client:
            yield client


class LocalSuite(SuiteUnderTest):
    """A suite with its own folder and ports, so that it does not disturb others."""

    def __init__(
        self, folder: Path, checkout: Path = ROOT, *, compact: bool = False, options: Sequence[str] = ()
    ) -> None:
        """`options` are further options of scripts/local.sh at the start."""
        super().__init__("", "")  # set by move()
        self.folder = folder
        self.checkout = checkout
        self.start_output = ""
        self._start_options = ["--detach", *(["--compact"] if compact else []), *options]
        self.move()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def move(self) -> None:
        """Changes to ports that are free now."""
        self.offset = free_offset()
        self.suite = Suite(self.folder, self.offset)
        self.url = self.suite.gateway_url
        self.auth0_url = self.suite.auth0_url

    def local(self, *arguments: str) -> Completed:
        """Runs scripts/local.sh with this suite's folder and ports."""
        return run(*self.command(*arguments), folder=self.checkout)

    def command(self, *arguments: str) -> list[str]:
        options = ("--data", str(self.folder), "--port-offset", str(self.offset))
        return [str(self.checkout / "scripts" / "local.sh"), *options, *arguments]

    def start(self) -> None:
        """Moves if another program has taken a port since it was found free."""
        for _ in range(3):
            started = self.local(*self._start_options)
            if "is taken" not in started.output:
                break
            self.move()
        self.start_output = started.succeeded().output

    def stop(self) -> None:
        self.local("--stop").succeeded()

    def state(self) -> Any:
        return json.loads((self.folder / "local.json").read_text())

    def pid(self, name: str) -> int:
        """The id of a process of the suite, or of the `supervisor`."""
        state = self.state()
        return int((state["supervisor"] if name == "supervisor" else state["processes"][name])["pid"])

    def processes(self) -> list[psutil.Process]:
        """The supervisor and its descendants."""
        supervisor = psutil.Process(self.pid("supervisor"))
        return [supervisor, *supervisor.children(recursive=True)]

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Sends the signal; for SIGKILL and SIGSTOP, waits until it has taken effect."""
        process = psutil.Process(self.pid(name))
        process.send_signal(number)
        if number == signal.SIGSTOP:
            wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
        if number == signal.SIGKILL:
            wait_for(lambda: _has_ended(process))


def _has_ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _token(auth0_url: str, username: str) -> str:
    answer = httpx.post(
        f"{auth0_url}/oauth/token",
        data={
            "grant_type": "password",
            "client_id": "seen-cli",
            "username": username,
            "password": username,
            "audience": AUDIENCE,
        },
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def free_offset() -> int:
    """A port offset that leads to free ports only.

    Each worker of pytest-xdist has its own offsets, so that a suite which was stopped finds its ports free again.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    candidates = range(100 + 10 * worker, 5_000, 10 * workers)
    offset = ports.free_offset(random.sample(candidates, len(candidates)))
    assert offset is not None, "all ports are taken"
    return offset


def wait_for(condition: Any, timeout_s: float = 30) -> Any:
    """Polls until the condition is truthy, and returns its value."""
    until = time.monotonic() + timeout_s
    while True:
        if value := condition():
            return value
        assert time.monotonic() < until, f"not within {timeout_s} s"
        time.sleep(0.05)
