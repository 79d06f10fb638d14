"""The targets of a measurement: running suites and the peer."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from load.benchmarks.http import items
from load.peer.copy_items import copy_items
from scripts.local import state
from scripts.local.state import SuiteError
from scripts.local.suite import AUDIENCE, DATASETS, HOST, ROOT, Suite

START_S = 30
PEER = "peer"


@dataclass(frozen=True)
class Target:
    """`pids`: the processes that work for it, by name. `suite`: whose items and users it has.

    `metrics_url`: the gateway's, if the target is a suite.
    """

    name: str
    url: str
    pids: Mapping[str, int]
    suite: Suite
    metrics_url: str | None = None


def suite_target(name: str, folder: Path) -> Target:
    """The suite that scripts/local.sh runs with its data in the folder. Exits with a message if none is running."""
    folder = folder.resolve()
    try:
        running = state.require_running(folder)
    except SuiteError as error:
        sys.exit(str(error))
    suite = Suite(folder, running.offset)
    pids = {process: started.pid for process, started in running.processes.items() if process != "local_auth0"}
    return Target(name, suite.gateway_url.replace("localhost", HOST), pids, suite, suite.metrics_url)


def load_items(target: Target) -> None:
    """Loads the generated items unless the suite has them."""
    expected = len(DATASETS) * items.ITEMS_PER_TYPE
    if httpx.get(f"{target.url}/lib/1").raise_for_status().json()["total"] < expected:
        items.load(target.suite)


@contextlib.contextmanager
def peer(base: Target) -> Iterator[Target]:
    """Runs load/peer on the MongoDB servers of the suite `base`, with a new SQLite file."""
    databases = {process: pid for process, pid in base.pids.items() if process.startswith("mongod")}
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    url = f"http://{HOST}:{port}"
    command = [sys.executable, "-m", "uvicorn", "load.peer.app:app", "--host", HOST, "--port", str(port)]
    with tempfile.TemporaryDirectory(prefix="seen-peer-") as folder:
        settings = {
            "PEER_SHARDS": json.dumps(copy_items(base.suite)),
            "PEER_AUTH0_URL": base.suite.auth0_url,
            "PEER_AUTH0_AUDIENCE": AUDIENCE,
            "PEER_PUBLIC_URL": "http://localhost/",
            "PEER_DATABASE": f"{folder}/peer.db",
        }
        process = subprocess.Popen(  # noqa: S603
            [*command, "--no-access-log", "--log-level", "warning"], cwd=ROOT, env={**os.environ, **settings}
        )
        try:
            wait_until_ready(process, url)
            yield Target(PEER, url, {"peer": process.pid, **databases}, base.suite)
        finally:
            process.terminate()
            process.wait()


def wait_until_ready(process: "subprocess.Popen[bytes]", url: str) -> None:
    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url)
            return
        time.sleep(0.1)
    sys.exit("the peer does not answer")
