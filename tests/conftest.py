"""For all tests: fixtures, and the checks of scripts/test.sh in pytest's summary."""

import os
from pathlib import Path

import pytest

# Spark starts Java by a fork, while this process may use gRPC. gRPC's fork handlers could then kill the child, which
# does not use gRPC. The variable is read when gRPC is imported.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the published data files. It is not part of the checkout, but may be beside it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no published data: there is no {SHARED_DATA}")
    return SHARED_DATA


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Lists the checks that scripts/test.sh has skipped, and those that failed."""
    for check in os.environ.get("SEEN_SKIPPED_CHECKS", "").splitlines():
        terminalreporter.write_line(f"skipped: {check}", yellow=True)
    for check in os.environ.get("SEEN_FAILED_CHECKS", "").splitlines():
        terminalreporter.write_line(f"failed before the tests: {check}", red=True)
