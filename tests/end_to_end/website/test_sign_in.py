"""Signing in and out, and the access token."""

import json
import re

import httpx
from playwright.sync_api import Page, expect

from tests.end_to_end.api import Item, get
from tests.end_to_end.suites import SuiteUnderTest
from tests.end_to_end.website.visits import Visit, card, choose_user, note, search, see_pressed, settled, sign_in


def test_sign_in_and_sign_out(page: Page) -> None:
    sign_in(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.reload()
    settled(page)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_sign_in_returns_to_the_same_place(visitor: Visit) -> None:
    visitor.open("/?type=ANIME&q=cowboy")
    sign_in(visitor.page)
    expect(visitor.page).to_have_url(f"{visitor.suite.url}/?type=ANIME&q=cowboy")
    expect(card(visitor.page, "Cowboy Bebop")).to_be_visible()


def test_a_mark_before_the_sign_in_is_made_after_it(page: Page, ana: httpx.Client, hobbit: Item) -> None:
    search(page, "the hobbit")
    card(page, "The Hobbit").get_by_role("button", name="Seen").click()
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        choose_user(page, "Ana")
    see_pressed(card(page, "The Hobbit"), "Seen")
    assert [entry["item"]["id"] for entry in get(ana, "/user/seen")["items"]] == [hobbit["id"]]


def test_a_token_that_expires_during_a_visit_leads_to_the_sign_in_and_back(
    visitor: Visit, page: Page, ana: httpx.Client, hobbit: Item
) -> None:
    sign_in(page)
    search(page, "the hobbit")
    visitor.expected_statuses = {401}
    # As if the token had expired; the gateway's answer is a real one.
    expired = {"authorization": "Bearer expired"}
    page.route("**/seen", lambda route: route.continue_(headers={**route.request.headers, **expired}), times=1)
    with page.expect_response(lambda answer: answer.request.method == "PUT" and answer.status == 204):
        card(page, "The Hobbit").get_by_role("button", name="Seen").click()
    expect(page).to_have_url(re.compile(r"q=the\+hobbit$"))
    see_pressed(card(page, "The Hobbit"), "Seen")
    assert len(get(ana, "/user/seen")["items"]) == 1


def test_the_token_is_stored_nowhere(page: Page) -> None:
    sign_in(page)
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert json.loads(stored) == [{}, {"seen.signed_in": "yes"}, ""]


def test_the_access_token_of_user_login_is_shown_for_copying(page: Page, suite: SuiteUnderTest) -> None:
    page.goto(f"{suite.url}/user/login")
    page.get_by_role("button", name="Continue as Ana").click()
    token = page.get_by_role("textbox", name="access token").input_value()
    assert page.url == f"{suite.url}/"
    assert page.evaluate("document.cookie") == ""
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as client:
        assert client.get(f"{suite.url}/user/seen").status_code == 200


def test_a_token_that_was_not_asked_for_is_refused(visitor: Visit) -> None:
    visitor.page.goto(f"{visitor.suite.url}/#access_token=abc&state=def")
    expect(visitor.page.get_by_role("alert")).to_have_text(
        "Sign-in failed: the response does not belong to a sign-in started here"
    )


def test_a_code_that_was_not_asked_for_is_refused(visitor: Visit) -> None:
    visitor.open("/?code=abc&state=def")
    expect(note(visitor.page)).to_contain_text("does not belong to a sign-in started here")
    expect(visitor.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert visitor.page.url == f"{visitor.suite.url}/"
