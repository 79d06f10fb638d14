"""The account service as a separate process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[3]


class Process:
    def __init__(self, url: str, **variables: str) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "services.account"],
            cwd=ROOT,
            env={"SEEN_PORT": "0", "SEEN_METRICS_PORT": "0", "SEEN_DATABASE_URL": url, "PATH": os.defpath, **variables},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._popen.stderr is not None
        entries = map(json.loads, self._popen.stderr)
        self.port: int = next(entry["port"] for entry in entries if entry["message"] == "listening")

    def kill(self) -> None:
        """SIGKILL: nothing in flight finishes."""
        self._popen.kill()
        self._popen.wait()

    def stop(self) -> tuple[int, str]:
        """SIGTERM. Returns the exit code, and what was logged after "listening"."""
        self._popen.terminate()
        _, logged = self._popen.communicate(timeout=20)
        return self._popen.returncode, logged


@contextmanager
def running(url: str, **variables: str) -> Iterator[Process]:
    process = Process(url, **variables)
    try:
        yield process
    finally:
        process.kill()
