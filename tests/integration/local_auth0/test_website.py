"""The website's sign-in: a code that comes back to its page by redirect, with and without the sign-in page."""

import html

import httpx
import pytest

from tests.integration.local_auth0.stand_in import API, HTTP, Pkce, StandIn, callback_parameters, exchange, request

WEBSITE = "seen-website"
HOME = f"{API}/"
SCOPE = "write:seen write:like read:suggest write:username delete:username write:item delete:item"


def website_request(**changes: str | None) -> dict[str, str]:
    return request(**{"client_id": WEBSITE, "redirect_uri": HOME, "scope": SCOPE} | changes)


def sign_in(browser: httpx.Client, username: str, **changes: str | None) -> dict[str, str]:
    answer = browser.post("/authorize", params=website_request(**changes), data={"username": username})
    return callback_parameters(answer, HOME)


def exchange_at_home(stand_in: StandIn, code: str, pkce: Pkce) -> httpx.Response:
    return exchange(stand_in, code, pkce.verifier, client_id=WEBSITE, redirect_uri=HOME)


def test_the_sign_in_page_names_the_website(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        page = browser.get("/authorize", params=website_request())
    assert "Seen's website asks to sign you in" in html.unescape(page.text)


@pytest.mark.parametrize(
    ("username", "granted"), [("ana", SCOPE.removesuffix(" write:item delete:item")), ("admin", SCOPE)]
)
def test_a_code_is_exchanged_for_a_token_with_the_scopes_that_the_user_may_have(
    stand_in: StandIn, username: str, granted: str
) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        code = sign_in(browser, username, code_challenge=pkce.challenge)["code"]
    tokens = exchange_at_home(stand_in, code, pkce).json()
    assert tokens["scope"] == granted
    claims = stand_in.verified(tokens["access_token"])
    assert (claims["sub"], claims["azp"]) == (f"auth0|{username}", WEBSITE)


def test_a_code_of_the_website_needs_its_verifier(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        code = sign_in(browser, "ana")["code"]
    assert exchange_at_home(stand_in, code, Pkce()).json()["error"] == "invalid_grant"


def test_a_silent_sign_in_without_a_session_comes_back_with_login_required(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        query = website_request(prompt="none")
        parameters = callback_parameters(browser.get("/authorize", params=query), HOME)
    assert (parameters["error"], parameters["state"]) == ("login_required", query["state"])


def test_a_silent_sign_in_with_a_session_comes_back_with_a_code(stand_in: StandIn) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        sign_in(browser, "rui")
        query = website_request(prompt="none", code_challenge=pkce.challenge)
        code = callback_parameters(browser.get("/authorize", params=query), HOME)["code"]
    token = exchange_at_home(stand_in, code, pkce).json()["access_token"]
    assert stand_in.verified(token)["sub"] == "auth0|rui"


def test_the_website_gets_no_token_in_an_address(stand_in: StandIn) -> None:
    query = website_request(response_type="token", code_challenge=None, code_challenge_method=None)
    with stand_in.browser() as browser:
        answer = browser.get("/authorize", params=query)
    assert callback_parameters(answer, HOME)["error"] == "unauthorized_client"


@pytest.mark.parametrize("address", [f"{API}/ui/", f"{API}/other", f"{API}/?item=BOOK", API])
def test_the_website_signs_in_at_its_page_only(stand_in: StandIn, address: str) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/authorize", params=website_request(redirect_uri=address))
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


@pytest.mark.parametrize("origin", [API, API.replace("localhost", "127.0.0.1")])
def test_the_website_may_read_the_token_endpoint(stand_in: StandIn, origin: str) -> None:
    answer = HTTP.post(f"{stand_in.url}/oauth/token", data={"client_id": WEBSITE}, headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_signing_out_of_the_website_returns_to_its_page(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        sign_in(browser, "ana")
        answer = browser.get("/v2/logout", params={"client_id": WEBSITE, "returnTo": HOME})
        assert answer.headers["Location"] == HOME
        again = callback_parameters(browser.get("/authorize", params=website_request(prompt="none")), HOME)
    assert again["error"] == "login_required"
