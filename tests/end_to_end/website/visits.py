"""Visits of the website in a browser, which fail if the console shows an error, and actions on its page."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect

from tests.end_to_end.suites import SuiteUnderTest, wait_for

# Chromium's message in the console for each response with status 4xx or 5xx.
STATUS = re.compile(r"the server responded with a status of (\d+)")
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI, sample}) =>
    console.error(`Content-Security-Policy: ${violatedDirective} ${blockedURI} ${sample}`));
"""
# Generous, because machines in continuous integration are slow.
TIMEOUT_MS = 20_000
expect.set_options(timeout=TIMEOUT_MS)


class Visit:
    """A page of a browser, with its errors: in the console, uncaught, or a request to another host.

    Covers are not fetched: a test must not depend on their hosts. `covers` are the URLs that the page requested.
    """

    def __init__(self, context: BrowserContext, suite: SuiteUnderTest) -> None:
        self.suite = suite
        self.page = context.new_page()
        self.expected_statuses: set[int] = set()
        self.expects_no_server = False
        self.covers: list[str] = []
        self._other_requests: list[str] = []
        self._messages: list[ConsoleMessage] = []
        self._errors: list[str] = []
        ours = "|".join(re.escape(start) for start in (f"{suite.url}/", f"{suite.auth0_url}/", "blob:", "data:"))
        self._ours = re.compile(ours)
        # A function in place of the pattern would be called for every request of the page, which takes much longer.
        context.route(re.compile(f"^(?!{ours})"), self._refuse)
        self.page.add_init_script(REPORT_VIOLATIONS)
        self.page.on("console", lambda message: self._messages.append(message))
        self.page.on("pageerror", lambda error: self._errors.append(str(error)))

    def open(self, address: str = "/") -> None:
        self.page.goto(f"{self.suite.url}{address}")
        settled(self.page)

    def unexpected_errors(self) -> list[str]:
        messages = [message for message in self._messages if message.type == "error" and not self._is_expected(message)]
        console = [f"{message.text} ({message.location.get('url')})" for message in messages]
        return [*console, *self._errors, *(f"request to {url}" for url in self._other_requests)]

    def _is_expected(self, message: ConsoleMessage) -> bool:
        if not self._ours.match(str(message.location.get("url"))):
            return "net::ERR_FAILED" in message.text  # a cover that was refused
        status = STATUS.search(message.text)
        if status:
            return int(status[1]) in self.expected_statuses
        return self.expects_no_server and "net::ERR_" in message.text

    def _refuse(self, route: Any, request: Request) -> None:
        is_cover = request.resource_type == "image" and urlsplit(request.url).scheme == "https"
        # Other hosts must not learn which page shows the cover.
        is_allowed = is_cover and "referer" not in request.headers
        (self.covers if is_allowed else self._other_requests).append(request.url)
        route.abort()


@contextmanager
def visit(browser: Browser, suite: SuiteUnderTest, **options: Any) -> Iterator[Visit]:
    """A visit in a new browser context. Fails at its end if there was an error that the test does not expect."""
    with browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}) as context:
        context.set_default_timeout(TIMEOUT_MS)
        visit = Visit(context, suite)
        yield visit
        assert visit.unexpected_errors() == []


def settled(page: Page) -> None:
    """Waits until nothing is loading any more."""
    expect(page.locator("main h1")).to_be_attached()
    expect(page.locator("[aria-busy=true], main .skeleton")).to_have_count(0)


def sign_in(page: Page, name: str = "Ana") -> None:
    page.get_by_role("button", name="Sign in").click()
    choose_user(page, name)


def choose_user(page: Page, name: str) -> None:
    """Signs in on the identity provider's page, which leads back to the website."""
    page.get_by_role("button", name=f"Continue as {name}").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    settled(page)


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox", name="Search").fill(text)
    expect(page).to_have_url(re.compile(r"[?&]q="))
    settled(page)


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("article").filter(has=page.get_by_role("heading", name=name, exact=True))


def note(page: Page) -> Locator:
    """The note at the bottom of the window, about the last change."""
    return page.get_by_role("group", name="Last change")


def see_pressed(card: Locator, button: str, pressed: bool = True) -> None:
    expect(card.get_by_role("button", name=button, exact=True)).to_have_attribute("aria-pressed", str(pressed).lower())


def is_wider_than_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def has_more_cards_than(page: Page, number: int) -> None:
    # Playwright's own way to wait for a number evaluates text, which the page's policy forbids.
    wait_for(lambda: page.get_by_role("article").count() > number)
