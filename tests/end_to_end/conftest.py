"""One suite for all tests that leave it running; each test's people begin without an account."""

from collections.abc import Iterator

import httpx
import pytest

from tests.end_to_end.running import RunningSuite


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    running = RunningSuite(tmp_path_factory.mktemp("suite"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def anyone(suite: RunningSuite) -> Iterator[httpx.Client]:
    """Somebody who has not signed in."""
    with suite.client() as client:
        yield client


@pytest.fixture
def ana(suite: RunningSuite) -> Iterator[httpx.Client]:
    yield from _newcomer(suite, "ana")


@pytest.fixture
def rui(suite: RunningSuite) -> Iterator[httpx.Client]:
    yield from _newcomer(suite, "rui")


@pytest.fixture
def admin(suite: RunningSuite) -> Iterator[httpx.Client]:
    yield from _newcomer(suite, "admin")


def _newcomer(suite: RunningSuite, person: str) -> Iterator[httpx.Client]:
    with suite.client(person) as client:
        answer = client.delete("/user")
        assert answer.status_code in (204, 404), answer.text
        yield client
