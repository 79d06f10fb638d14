"""Fixtures of the tests in the browser."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.end_to_end.api import Item, items
from tests.end_to_end.suites import SuiteUnderTest
from tests.end_to_end.website.visits import Visit, visit


@pytest.fixture
def visitor(browser: Browser, suite: SuiteUnderTest) -> Iterator[Visit]:
    with visit(browser, suite) as visitor:
        yield visitor


@pytest.fixture
def page(visitor: Visit) -> Page:
    """The first page, signed out."""
    visitor.open()
    return visitor.page


@pytest.fixture
def hobbit(anyone: httpx.Client) -> Item:
    return items(anyone, type="BOOK", search="The Hobbit")[0]
