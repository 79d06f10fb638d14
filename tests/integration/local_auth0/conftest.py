"""The stand-in as a process on a free port, as scripts/local.sh runs it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.local_auth0.stand_in import StandIn
from tests.ports import free_port

Start = Callable[[], StandIn]


@pytest.fixture(scope="package")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(free_port(), tmp_path_factory.mktemp("stand_in") / "state") as running:
        yield running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a stand-in for tests that stop it. A second call uses the same port and state."""
    stand_ins: list[StandIn] = []
    port = free_port()

    def begin() -> StandIn:
        stand_ins.append(StandIn(port, tmp_path / "state"))
        return stand_ins[-1].start()

    yield begin
    for stand_in in stand_ins:
        if stand_in.process.poll() is None:
            stand_in.stop()
