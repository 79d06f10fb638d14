"""Accessibility: axe-core on each view, the keyboard alone, narrow windows and reduced motion."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.end_to_end.api import Item, get, items, job_answer, mark
from tests.end_to_end.suites import SuiteUnderTest
from tests.end_to_end.website.visits import (
    Visit,
    card,
    is_wider_than_window,
    note,
    see_pressed,
    settled,
    sign_in,
    visit,
)

# By name; {book} is an item's key.
SIGNED_OUT = {
    "first page": "/",
    "search": "/?q=the",
    "nothing found": "/?q=zzzzzz",
    "item": "/?item={book}",
    "top ten": "/?view=top",
    "picks": "/?view=for-you&likes={book}",
    "my list, signed out": "/?view=list",
    "insight": "/?view=insight",
}
SIGNED_IN = {
    "for you": "/?view=for-you",
    "my list": "/?view=list",
    "my account": "/?view=account",
    "add an item": "/?view=add",
    "item, as administrator": "/?item={book}",
}
SERIOUS = ("serious", "critical")
SCHEMES: dict[Literal["light", "dark"], dict[str, list[str]]] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
WIDTHS = (320, 480, 800, 1280)  # the next view begins with the last width
MAX_CARD = 300  # pixels


@dataclass
class Findings:
    """Faults of all views, as messages."""

    axe: list[str] = field(default_factory=list)
    too_wide: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def findings(browser: Browser, suite: SuiteUnderTest) -> Findings:
    """Visits every view once, signed out and then as administrator, in both colour schemes and all widths."""
    findings = Findings()
    book = prepare(suite)
    # The page's policy forbids scripts of others, such as axe.
    with visit(browser, suite, bypass_csp=True, reduced_motion="reduce") as visitor:
        for name, page in views(visitor, book):
            findings.axe += run_axe(name, page)
            findings.too_wide += measure(name, page)
    return findings


def prepare(suite: SuiteUnderTest) -> str:
    """Marks of two users and both answers of Insight, so that no view is empty. Returns the key of a book."""
    with suite.client("admin") as admin, suite.client("rui") as rui:
        hobbit = items(admin, type="BOOK", search="The Hobbit")[0]
        for client in (admin, rui):
            mark(client, hobbit, "seen", "like")
        for question in ("/bestDirector", "/moreConnected"):
            job_answer(admin, question)
    return f"BOOK/{hobbit['id']}"


def views(visitor: Visit, book: str) -> Iterator[tuple[str, Page]]:
    visitor.open()
    for name, address in SIGNED_OUT.items():
        visitor.open(address.format(book=book))
        yield name, visitor.page
    sign_in(visitor.page, "Admin")
    for name, address in SIGNED_IN.items():
        visitor.open(address.format(book=book))
        expect(visitor.page.get_by_role("button", name="Sign out")).to_be_visible()
        settled(visitor.page)
        yield name, visitor.page


def run_axe(name: str, page: Page) -> list[str]:
    """Checks all rules in the first colour scheme, and the contrast of colours in the second."""
    found = []
    for scheme, rules in SCHEMES.items():
        page.emulate_media(color_scheme=scheme)
        answer = Axe().run(page, options={"resultTypes": ["violations"], **rules}).response
        found += [
            f"{name}, {scheme}: {violation['id']}: {[node['html'] for node in violation['nodes']][:3]}"
            for violation in answer["violations"]
            if violation["impact"] in SERIOUS
        ]
    return found


def measure(name: str, page: Page) -> list[str]:
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 640})
        if is_wider_than_window(page):
            found.append(f"{name} at {width}")
        if page.evaluate(f"[...document.querySelectorAll('.card')].some(card => card.offsetWidth > {MAX_CARD})"):
            found.append(f"a card of {name} at {width}")
    return found


def test_axe_has_no_serious_finding(findings: Findings) -> None:
    assert findings.axe == []


def test_nothing_is_wider_than_the_window(findings: Findings) -> None:
    """320 pixels are also what a window of 1280 pixels has at 400 % zoom."""
    assert findings.too_wide == []


def test_a_book_is_found_marked_and_unmarked_with_the_keyboard_alone(
    browser: Browser, suite: SuiteUnderTest, ana: httpx.Client
) -> None:
    with visit(browser, suite) as visitor:
        visitor.open()
        page, press = visitor.page, visitor.page.keyboard.press
        tab_to(page.get_by_role("button", name="Sign in"))
        press("Enter")
        expect(page.get_by_role("button", name="Continue as Ana")).to_be_visible()
        tab_to(page.get_by_role("button", name="Continue as Ana"))
        press("Enter")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        press("/")
        page.keyboard.type("the hobbit")
        hobbit = card(page, "The Hobbit")
        expect(hobbit).to_be_visible()
        tab_to(hobbit.get_by_role("button", name="Seen"))
        press("Space")
        see_pressed(hobbit, "Seen")
        expect(hobbit.get_by_role("button", name="Seen")).to_be_focused()
        tab_to(note(page).get_by_role("button", name="Undo"))
        press("Enter")
        see_pressed(hobbit, "Seen", False)
        expect(hobbit.get_by_role("button", name="Seen")).to_be_focused()
        page.keyboard.press("Shift+Tab")
        expect(hobbit.get_by_role("link")).to_be_focused()
        press("Enter")
        expect(page.get_by_role("heading", name="The Hobbit", level=1)).to_be_focused()
    assert_no_marks(ana)


def assert_no_marks(client: httpx.Client) -> None:
    listed: list[Item] = get(client, "/user/seen")["items"]
    assert listed == []


def tab_to(target: Locator) -> None:
    """Presses Tab until the target has the focus."""
    for _ in range(100):
        target.page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {target}")


def test_the_first_tab_leads_to_the_content(browser: Browser, suite: SuiteUnderTest) -> None:
    with visit(browser, suite) as visitor:
        visitor.open()
        visitor.page.keyboard.press("Tab")
        expect(visitor.page.get_by_role("link", name="Skip to the content")).to_be_focused()
        visitor.page.keyboard.press("Enter")
        expect(visitor.page.get_by_role("main")).to_be_focused()
        assert visitor.page.url == f"{suite.url}/"


def test_the_focus_is_not_lost_when_a_note_is_closed(
    browser: Browser, suite: SuiteUnderTest, ana: httpx.Client
) -> None:
    with visit(browser, suite) as visitor:
        visitor.open("/?q=the hobbit")
        sign_in(visitor.page)
        seen = card(visitor.page, "The Hobbit").get_by_role("button", name="Seen")
        seen.press("Enter")
        note(visitor.page).get_by_role("button", name="Close").press("Enter")
        expect(note(visitor.page)).to_have_count(0)
        expect(seen).to_be_focused()


def test_reduced_motion_turns_transitions_off(browser: Browser, suite: SuiteUnderTest) -> None:
    with visit(browser, suite, reduced_motion="reduce") as visitor:
        visitor.open()
        moving = "element => getComputedStyle(element).transitionDuration !== '0s'"
        assert not visitor.page.get_by_role("button", name="Seen").first.evaluate(moving)
