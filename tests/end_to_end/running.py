"""A whole suite: somebody else's, or one that scripts/local.sh runs in the background, as a person would have it."""

import functools
import json
import os
import random
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from scripts.local.suite import AUDIENCE, ROOT, Suite

PEOPLE = ("ana", "rui", "admin")
START_S = 240
# In front of a command that is to hear of Ctrl-C, even where whoever started the tests does not, as under nohup.
AS_IN_A_TERMINAL = ("env", "--default-signal=INT,HUP")


def run(*command: str | Path, folder: Path = ROOT, timeout_s: float = START_S, **environment: str) -> "Finished":
    """Runs a command with nothing to read, and waits for its end."""
    done = subprocess.run(
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
    return Finished(shlex.join(map(str, command)), done.returncode, done.stdout)


class Finished:
    """What a command said, on both of its streams, and the exit code with which it ended."""

    def __init__(self, command: str, code: int, said: str) -> None:
        self.command, self.code, self.said = command, code, said

    def succeeded(self) -> "Finished":
        assert self.code == 0, f"{self.command}: exit code {self.code}\n{self.said}"
        return self

    def failed(self) -> "Finished":
        assert self.code != 0, f"{self.command} should have failed\n{self.said}"
        return self


class AnySuite:
    """A suite that answers, whoever started it. `auth0_url` is also what the gateway calls its identity provider."""

    def __init__(self, url: str, auth0_url: str) -> None:
        self.url, self.auth0_url = url, auth0_url

    def token(self, person: str) -> str:
        return _token(self.auth0_url, person)

    @contextmanager
    def client(self, person: str | None = None, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Client]:
        """An HTTP client of the gateway, signed in as that person."""
        signed_in = {"Authorization": f"Bearer {self.token(person)}"} if person else {}
        with httpx.Client(base_url=self.url, headers={**signed_in, **(headers or {})}, timeout=30) as client:
            yield client


class RunningSuite(AnySuite):
    """A suite with its own folder, on its own ports, so that it disturbs no other."""

    def __init__(self, folder: Path, checkout: Path = ROOT) -> None:
        self.folder = folder
        self.checkout = checkout
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
        """To ports that are free just now."""
        self.offset = free_offset()
        self.suite = Suite(self.folder, self.offset)
        self.url = self.suite.gateway_url
        self.auth0_url = self.suite.auth0_url

    def local(self, *arguments: str) -> Finished:
        """scripts/local.sh with this suite's folder and ports."""
        return run(*self.command(*arguments), folder=self.checkout)

    def command(self, *arguments: str) -> list[str]:
        place = ("--data", str(self.folder), "--port-offset", str(self.offset))
        return [str(self.checkout / "scripts" / "local.sh"), *place, *arguments]

    def start(self) -> str:
        """Returns what was printed. Somebody may have taken a port since it was found free: then it moves on."""
        for _ in range(3):
            started = self.local("--detach")
            if "is taken" not in started.said:
                break
            self.move()
        return started.succeeded().said

    def stop(self) -> None:
        self.local("--stop").succeeded()

    def state(self) -> Any:
        return json.loads((self.folder / "local.json").read_text())

    def pid(self, name: str) -> int:
        """A process of the suite, or `supervisor`."""
        state = self.state()
        return int(state["pid"] if name == "supervisor" else state["processes"][name]["pid"])

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything under it."""
        supervisor = psutil.Process(self.pid("supervisor"))
        return [supervisor, *supervisor.children(recursive=True)]

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """As `kill -9` does it; returns when the process is gone, or has stopped for SIGSTOP."""
        process = psutil.Process(self.pid(name))
        process.send_signal(number)
        if number == signal.SIGSTOP:
            wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
        if number == signal.SIGKILL:
            wait_for(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)

    def logs(self) -> str:
        """The end of every log, for a test's failure."""
        ends = [
            f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            for log in sorted((self.folder / "logs").glob("*.log"))
        ]
        return "\n".join(ends)


@functools.cache
def _token(auth0_url: str, person: str) -> str:
    """Good for one issuer: a suite that moves to other ports is another."""
    answer = httpx.post(
        f"{auth0_url}/oauth/token",
        data={
            "grant_type": "password",
            "client_id": "seen-cli",
            "username": person,
            "password": person,
            "audience": AUDIENCE,
        },
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def free_offset() -> int:
    """For SEEN_PORT_OFFSET: none of the ports that it leads to is taken now.

    Two processes of tests, side by side, never take the same: a suite that was stopped finds its ports again.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    while True:
        offset = random.randrange(100 + 10 * worker, 5_000, 10 * workers)
        if all(_is_free(port + offset) for port in _standard_ports()):
            return offset


def _standard_ports() -> list[int]:
    services = range(50051, 50057)
    return [8080, 8081, 9080, *range(27021, 27025), *services, *(port - 41000 for port in services)]


def _is_free(port: int) -> bool:
    try:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def wait_for(condition: Any, timeout_s: float = 30) -> Any:
    """Asks until the answer is truthy, and returns it."""
    until = time.monotonic() + timeout_s
    while True:
        if answer := condition():
            return answer
        assert time.monotonic() < until, f"not within {timeout_s} s"
        time.sleep(0.05)
