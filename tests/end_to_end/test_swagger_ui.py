"""Swagger UI in a real browser: sign-in with each flow, and calls with the token."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.end_to_end.suites import SuiteUnderTest

# Names of the flows by their headings in Swagger UI's dialog.
FLOWS = {"authorization code with PKCE": "authorizationCode", "implicit": "implicit"}


@pytest.fixture
def page(browser: Browser, suite: SuiteUnderTest, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Swagger UI. Fails if the console shows an error; a failed test leaves screenshots in its folder."""
    with browser.new_context(viewport={"width": 1280, "height": 1600}) as context:
        context.set_default_timeout(15_000)
        page = context.new_page()
        console_errors: list[str] = []
        page.on("console", lambda message: console_errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: console_errors.append(str(error)))
        page.goto(f"{suite.url}/ui")
        failures_before = request.session.testsfailed
        yield page
        if request.session.testsfailed > failures_before or console_errors:
            for number, window in enumerate(context.pages):
                screenshot = tmp_path / f"window-{number}.png"
                window.screenshot(path=screenshot, full_page=True)
                print(f"{window.url}: {screenshot}")
        assert console_errors == []


def sign_in(page: Page, flow: str, name: str) -> None:
    """Opens the Authorize dialog, chooses the flow, and signs in as that user in the window that opens."""
    page.locator(".auth-wrapper .btn.authorize").click()
    choice = page.locator(".auth-container").filter(has=page.get_by_role("heading", name=flow))
    choice.get_by_text("select all", exact=True).click()
    with page.expect_popup() as opened:
        choice.get_by_role("button", name="Authorize").click()
    opened.value.get_by_role("button", name=f"Continue as {name}").click()
    expect(choice.get_by_role("button", name="Logout")).to_be_visible()
    choice.get_by_role("button", name="Close").click()


def try_out(page: Page, operation: str) -> Locator:
    """Executes an operation with its example values; returns the answer as shown."""
    block = page.locator(f"#operations-{operation}")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table .response")


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
def test_a_user_signs_in_and_makes_a_call(page: Page, suite: SuiteUnderTest, flow: str) -> None:
    with suite.client("ana") as ana:
        ana.delete("/user")
        ana.post("/user", json={"username": "ana.in.the.browser"}).raise_for_status()

    sign_in(page, flow, "Ana")
    answer = try_out(page, "users-get_user")

    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(answer.locator(".response-col_description")).to_contain_text("ana.in.the.browser")


def test_a_suggestion_shows_its_category(page: Page, suite: SuiteUnderTest) -> None:
    with suite.client("rui") as rui:
        rui.delete("/user")
        book = rui.get("/lib/1", params={"type": "BOOK", "category": "Fantasy"}).json()["items"][0]
        rui.put(f"/item/BOOK/{book['id']}/like").raise_for_status()

    sign_in(page, "authorizationCode", "Rui")
    answer = try_out(page, "suggestions-suggest")

    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(answer.locator(".response-col_description")).to_contain_text('"personal": true')
    expect(answer.locator(".response-col_description")).to_contain_text(
        '"because": { "category": "Fantasy", "seen": 0, "liked": 1 }'
    )


def test_reading_needs_no_sign_in(page: Page) -> None:
    answer = try_out(page, "library-list_items")
    expect(answer.locator(".response-col_status")).to_contain_text("200")
