"""Running suites for the tests, a browser, and clients whose users begin without an account.

All tests that leave the suite running share it. It is started here, unless SEEN_TEST_URL and SEEN_TEST_AUTH0_URL name
a suite that runs elsewhere. There, ana, rui and admin lose their marks, and the tests marked `own_suite` are skipped.
"""

import importlib.util
import os
import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.end_to_end.failures import ItemByType, mark_items
from tests.end_to_end.suites import LocalSuite, SuiteUnderTest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EXTERNAL_URL = os.environ.get("SEEN_TEST_URL")
# Parameters of the fixture `suite`, as in the names of tests.
PROCESSES, COMPACT = "processes", "compact-suite"

if importlib.util.find_spec("playwright") is None:  # the image has neither a browser nor Schemathesis
    collect_ignore = ["test_swagger_ui.py", "test_schemathesis.py", "website"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "own_suite: starts, stops or breaks a suite, or reads its folder")
    config.addinivalue_line("markers", "compact_too: also runs against a suite in one process")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs tests with a suite of seven processes, and those marked `compact_too` also with a compact suite.

    Tests marked `own_suite` as well address single processes, which a compact suite does not have.
    """
    if "suite" in metafunc.fixturenames and not EXTERNAL_URL:
        suites = [PROCESSES]
        markers = {mark.name for mark in metafunc.definition.iter_markers()}
        if "compact_too" in markers and "own_suite" not in markers:
            suites.append(COMPACT)
        metafunc.parametrize("suite", suites, indirect=True, scope="session")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With pytest-xdist, each process gets whole files, but one process all tests with the compact suite."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return COMPACT if f"[{COMPACT}" in nodeid else super()._split_scope(nodeid)

    return Scheduling(config, log)


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
    with LocalSuite(tmp_path_factory.mktemp("suite"), compact=request.param == COMPACT) as local_suite:
        yield local_suite


@pytest.fixture(scope="module")
def fragile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSuite]:
    """The module's own suite, whose processes the tests stop; compact if the module has the constant COMPACT.

    It caches no responses: they would hide for some seconds what is broken.
    """
    compact = getattr(request.module, "COMPACT", False)
    variable = "SEEN_GATEWAY_CACHE_TTL_S" if compact else "SEEN_CACHE_TTL_S"
    folder = tmp_path_factory.mktemp("fragile")
    with LocalSuite(folder, compact=compact, options=["--set", f"{variable}=0"]) as fragile:
        yield fragile


@pytest.fixture
def marked_items(fragile: LocalSuite, request: pytest.FixtureRequest) -> ItemByType:
    """One item of each type, all marked by ana."""
    if request.session.testsfailed and fragile.local("--status").exit_code:  # the failed test has left it broken
        fragile.stop()
        fragile.start()
    return mark_items(fragile)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """The system's Chromium, for one module: asynchronous tests cannot run in this process until it is closed."""
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
