"""What is measured: suites of local.sh, the peer, a bare answer, or any other process."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from load.benchmarks import http_items
from scripts.local import state
from scripts.local.suite import AUDIENCE, DATASETS, HOST, ROOT, Suite

START_S = 30
PEER, BARE = "peer", "bare uvicorn"


@dataclass(frozen=True)
class Target:
    """`pids`: the processes that work for it, by name. `suite`: the one whose items and sign-in it uses.

    `metrics_url`: of the gateway, if the target is a suite.
    """

    name: str
    url: str
    pids: Mapping[str, int]
    suite: Suite
    metrics_url: str | None = None


def suite_target(name: str, folder: Path) -> Target:
    """A suite that scripts/local.sh runs with its data in the folder."""
    running = state.require_running(folder)
    suite = Suite(folder, running.offset)
    pids = {process: started.pid for process, started in running.processes.items() if process != "local_auth0"}
    return Target(name, suite.gateway_url.replace("localhost", HOST), pids, suite, suite.metrics_url)


def other_target(name: str, url: str, pids: Mapping[str, int], suite: Target) -> Target:
    """Processes that answer at the URL with the items of a suite. The suite's databases work for them."""
    databases = {process: pid for process, pid in suite.pids.items() if process.startswith("mongod")}
    return Target(name, url, {**pids, **databases}, suite.suite)


@contextlib.contextmanager
def peer(folder: Path, suite: Target) -> Iterator[Target]:
    """load/peer on the suite's MongoDB servers, with a new SQLite file."""
    database = folder / "peer.db"
    shards = {each.type: [each.name, suite.suite.mongo_uris(each).split(",")] for each in DATASETS}
    settings = {
        "PEER_SHARDS": json.dumps(shards),
        "PEER_AUTH0_URL": suite.suite.auth0_url,
        "PEER_AUTH0_AUDIENCE": AUDIENCE,
        "PEER_PUBLIC_URL": "http://localhost/",
        "PEER_DATABASE": str(database),
    }
    with uvicorn("load.peer.app:app", settings) as (url, pid):
        yield other_target(PEER, url, {"peer": pid}, suite)


@contextlib.contextmanager
def bare(suite: Target) -> Iterator[Target]:
    with uvicorn("load.benchmarks.http_bare:app", {}) as (url, pid):
        yield Target(BARE, url, {"uvicorn": pid}, suite.suite)


@contextlib.contextmanager
def uvicorn(app: str, settings: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Runs the ASGI application in a process of its own; yields its URL and pid."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    options = ("--host", HOST, "--port", str(port), "--no-access-log", "--log-level", "warning")
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "uvicorn", app, *options], cwd=ROOT, env={**os.environ, **settings}
    )
    url = f"http://{HOST}:{port}"
    try:
        until = time.monotonic() + START_S
        while process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(url)
                break
            time.sleep(0.1)
        else:
            sys.exit(f"{app} does not answer")
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def load_items(target: Target, folder: Path) -> None:
    """Loads the generated items unless they are there."""
    expected = len(DATASETS) * http_items.ITEMS_PER_TYPE
    if httpx.get(f"{target.url}/lib/1").raise_for_status().json()["total"] < expected:
        http_items.load(target.suite, folder)
