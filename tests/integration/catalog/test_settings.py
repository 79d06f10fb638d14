"""The settings of a dataset's process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run_book(**settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEEN_")}
    return subprocess.run(
        [sys.executable, "-m", "services.book"],
        cwd=ROOT,
        env=environment | {"SEEN_PORT": "0", "SEEN_METRICS_PORT": "0"} | settings,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_missing_setting_is_named() -> None:
    result = run_book()
    assert result.returncode == 2
    assert "SEEN_MONGO_URIS" in result.stderr


@pytest.mark.parametrize("uris", ["", "http://secret", "mongodb://u:secret@", "mongodb://localhost,x://secret"])
def test_a_malformed_uri_is_not_printed(uris: str) -> None:
    result = run_book(SEEN_MONGO_URIS=uris)
    assert result.returncode == 2
    assert "SEEN_MONGO_URIS" in result.stderr
    assert "secret" not in result.stderr + result.stdout
