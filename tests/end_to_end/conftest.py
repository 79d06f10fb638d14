"""One suite for all tests that leave it running; each test's people begin without an account.

It is started here, or it is the one at SEEN_TEST_URL, whose Auth0 is at SEEN_TEST_AUTH0_URL: then ana, rui and admin
lose their marks there, and the tests marked `own_suite` are left out.
"""

import importlib.util
import os
from collections.abc import Iterator, Sequence

import httpx
import pytest

from tests.end_to_end.running import AnySuite, RunningSuite

GIVEN = os.environ.get("SEEN_TEST_URL")

if importlib.util.find_spec("playwright") is None:
    collect_ignore = ["test_browser.py"]  # the image for these tests has no browser


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "own_suite: starts, stops or breaks a suite, or looks into its folder")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    if GIVEN:
        for item in items:
            if item.get_closest_marker("own_suite"):
                item.add_marker(pytest.mark.skip(reason=f"the suite at {GIVEN} is somebody else's"))


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnySuite]:
    if GIVEN:
        yield AnySuite(GIVEN, os.environ["SEEN_TEST_AUTH0_URL"])
        return
    with RunningSuite(tmp_path_factory.mktemp("suite")) as running:
        yield running


@pytest.fixture
def anyone(suite: AnySuite) -> Iterator[httpx.Client]:
    """Somebody who has not signed in."""
    with suite.client() as client:
        yield client


@pytest.fixture
def ana(suite: AnySuite) -> Iterator[httpx.Client]:
    yield from _newcomer(suite, "ana")


@pytest.fixture
def rui(suite: AnySuite) -> Iterator[httpx.Client]:
    yield from _newcomer(suite, "rui")


@pytest.fixture
def admin(suite: AnySuite) -> Iterator[httpx.Client]:
    yield from _newcomer(suite, "admin")


def _newcomer(suite: AnySuite, person: str) -> Iterator[httpx.Client]:
    with suite.client(person) as client:
        answer = client.delete("/user")
        assert answer.status_code in (204, 404), answer.text
        yield client
