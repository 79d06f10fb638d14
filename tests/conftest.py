"""What all tests share."""

import os
from pathlib import Path

import pytest

# Spark's session starts Java by a fork, in a process in which gRPC may be at work. No child uses gRPC before it becomes
# another program, but gRPC's own preparations can kill it. Read when gRPC is imported.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data files, which is beside some checkouts and no part of any."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data: there is no {SHARED_DATA}")
    return SHARED_DATA


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What scripts/test.sh has to say beside the tests' own results."""
    for variable, meaning in (("SEEN_LEFT_OUT", "left out"), ("SEEN_FAILED_CHECKS", "failed before the tests")):
        for what in filter(None, os.environ.get(variable, "").split(",")):
            terminalreporter.write_line(f"{meaning}: {what}", red="FAILED" in variable, yellow="LEFT" in variable)
