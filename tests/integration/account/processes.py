"""The service as the process that it is in real life."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
        self.port = next(line["port"] for line in self._log() if line["message"] == "listening")

    def kill(self) -> None:
        """Without a chance to finish anything."""
        self._popen.kill()
        self._popen.wait()

    def stop(self) -> tuple[int, str]:
        """Politely. The exit code, and what it has logged since it listens."""
        self._popen.terminate()
        _, logged = self._popen.communicate(timeout=20)
        return self._popen.returncode, logged

    def _log(self) -> Iterator[dict[str, Any]]:
        assert self._popen.stderr is not None
        for line in self._popen.stderr:
            yield json.loads(line)


@contextmanager
def running(url: str, **variables: str) -> Iterator[Process]:
    process = Process(url, **variables)
    try:
        yield process
    finally:
        process.kill()
