"""The website's sign-in: a code that comes back to its page by redirect, with and without the sign-in page."""

import html
from typing import Any

import pytest

from services.local_auth0.tenant import ITEM_PERMISSIONS, USER_PERMISSIONS
from tests.integration.local_auth0.stand_in import API, Pkce, StandIn, callback_parameters, exchange, request, sign_in

HOME = f"{API}/"
USER_SCOPE = " ".join(USER_PERMISSIONS)
SCOPE = " ".join(USER_PERMISSIONS + ITEM_PERMISSIONS)
WEBSITE: dict[str, str | None] = {"client_id": "seen-website", "redirect_uri": HOME, "scope": SCOPE}


def website_request(**changes: str | None) -> dict[str, str]:
    return request(**WEBSITE | changes)


def exchange_at_home(stand_in: StandIn, code: str, pkce: Pkce) -> dict[str, Any]:
    answer = exchange(stand_in, code, pkce.verifier, client_id="seen-website", redirect_uri=HOME)
    content: dict[str, Any] = answer.json()
    return content


def test_the_sign_in_page_names_the_website(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        page = browser.get("/authorize", params=website_request())
    assert "Seen's website asks to sign you in" in html.unescape(page.text)


@pytest.mark.parametrize(("username", "granted"), [("ana", USER_SCOPE), ("admin", SCOPE)])
def test_a_code_is_exchanged_for_a_token_with_the_scopes_that_the_user_may_have(
    stand_in: StandIn, username: str, granted: str
) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        code = sign_in(browser, username, **WEBSITE | {"code_challenge": pkce.challenge})["code"]
    answer = exchange_at_home(stand_in, code, pkce)
    assert answer["scope"] == granted
    claims = stand_in.verified(answer["access_token"])
    assert (claims["sub"], claims["azp"]) == (f"auth0|{username}", "seen-website")


def test_a_silent_sign_in_without_a_session_comes_back_with_login_required(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        query = website_request(prompt="none")
        parameters = callback_parameters(browser.get("/authorize", params=query), HOME)
    assert (parameters["error"], parameters["state"]) == ("login_required", query["state"])


def test_a_silent_sign_in_with_a_session_comes_back_with_a_code(stand_in: StandIn) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        sign_in(browser, "rui", **WEBSITE)
        query = website_request(prompt="none", code_challenge=pkce.challenge)
        code = callback_parameters(browser.get("/authorize", params=query), HOME)["code"]
    assert stand_in.verified(exchange_at_home(stand_in, code, pkce)["access_token"])["sub"] == "auth0|rui"


def test_the_website_gets_no_token_in_an_address(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/authorize", params=website_request(response_type="token"))
    assert callback_parameters(answer, HOME)["error"] == "unauthorized_client"


@pytest.mark.parametrize("address", [f"{API}/ui/", f"{API}/other", f"{API}/?item=BOOK", API])
def test_the_website_signs_in_at_its_page_only(stand_in: StandIn, address: str) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/authorize", params=website_request(redirect_uri=address))
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


def test_signing_out_returns_to_the_page_and_ends_the_session(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        sign_in(browser, "ana", **WEBSITE)
        answer = browser.get("/v2/logout", params={"client_id": "seen-website", "returnTo": HOME})
        assert (answer.status_code, answer.headers["Location"]) == (302, HOME)
        again = callback_parameters(browser.get("/authorize", params=website_request(prompt="none")), HOME)
    assert again["error"] == "login_required"
