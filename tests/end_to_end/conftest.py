"""One suite for all tests that leave it running; each test's users begin without an account.

The suite is started here, unless SEEN_TEST_URL and SEEN_TEST_AUTH0_URL name one that runs elsewhere. There, ana, rui
and admin lose their marks, and the tests marked `own_suite` are skipped.
"""

import importlib.util
import os
import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.end_to_end.suites import LocalSuite, SuiteUnderTest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EXTERNAL_URL = os.environ.get("SEEN_TEST_URL")

if importlib.util.find_spec("playwright") is None:  # the image has neither a browser nor Schemathesis
    collect_ignore = ["test_browser.py", "test_schemathesis.py"]
    collect_ignore_glob = ["test_website*.py"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "own_suite: starts, stops or breaks a suite, or reads its folder")
    config.addinivalue_line("markers", "compact_too: also runs against a suite in one process")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`suite` is a suite of seven processes, and for the tests marked `compact_too` also a compact one.

    Tests marked `own_suite` as well address single processes, which a compact suite does not have.
    """
    if "suite" in metafunc.fixturenames and not EXTERNAL_URL:
        modes = ["processes"]
        markers = {mark.name for mark in metafunc.definition.iter_markers()}
        if "compact_too" in markers and "own_suite" not in markers:
            modes.append("compact")
        metafunc.parametrize("suite", modes, indirect=True, scope="session")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    if EXTERNAL_URL:
        for item in items:
            if item.get_closest_marker("own_suite"):
                item.add_marker(pytest.mark.skip(reason="needs its own suite, and SEEN_TEST_URL is set"))


@pytest.fixture(scope="session")
def suite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SuiteUnderTest]:
    if EXTERNAL_URL:
        yield SuiteUnderTest(EXTERNAL_URL, os.environ["SEEN_TEST_AUTH0_URL"])
        return
    with LocalSuite(tmp_path_factory.mktemp("suite"), compact=request.param == "compact") as local_suite:
        yield local_suite


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """The system's Chromium. Not for the whole session: while it runs, its process can run no asynchronous tests."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        # Chromium's sandbox refuses to run for root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def anyone(suite: SuiteUnderTest) -> Iterator[httpx.Client]:
    """A client without a token."""
    with suite.client() as client:
        yield client


@pytest.fixture
def ana(suite: SuiteUnderTest) -> Iterator[httpx.Client]:
    yield from _without_account(suite, "ana")


@pytest.fixture
def rui(suite: SuiteUnderTest) -> Iterator[httpx.Client]:
    yield from _without_account(suite, "rui")


@pytest.fixture
def admin(suite: SuiteUnderTest) -> Iterator[httpx.Client]:
    yield from _without_account(suite, "admin")


def _without_account(suite: SuiteUnderTest, username: str) -> Iterator[httpx.Client]:
    with suite.client(username) as client:
        answer = client.delete("/user")
        assert answer.status_code in (204, 404), answer.text
        yield client
