"""The programs that these tests run: those of the extra `test`, otherwise the machine's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def find(name: str) -> str | None:
    return shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


def need(name: str) -> str:
    """Skips the test if the program is not installed."""
    path = find(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def check(name: str, *arguments: str | Path) -> str:
    """Runs a program of the extra `test`, which must succeed, and returns its output."""
    path = find(name)
    assert path, f"{name} is not installed; ./scripts/test.sh installs it"
    done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
