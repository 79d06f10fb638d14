"""Signing in by browser: authorization code with PKCE, the implicit flow, sessions, sign-out."""

import time

import pytest
from jose import jwt

from tests.integration.local_auth0.stand_in import (
    API,
    AUDIENCE,
    CALLBACK,
    HTTP,
    Pkce,
    StandIn,
    callback_parameters,
    exchange,
    exchange_body,
    request,
    sign_in,
)


def test_a_code_is_exchanged_for_a_token_with_auth0s_claims(stand_in: StandIn) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        callback = sign_in(browser, "ana", code_challenge=pkce.challenge)
    assert callback["state"] == request()["state"]

    answer = exchange(stand_in, callback["code"], pkce.verifier)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    content = answer.json()
    token = content.pop("access_token")
    # without write:item, which she does not have
    assert content == {"token_type": "Bearer", "expires_in": 86_400, "scope": "write:seen"}
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": stand_in.kids()[0]}
    claims = stand_in.verified(token)
    assert claims["exp"] - claims["iat"] == 86_400
    assert abs(claims.pop("exp") - 86_400 - time.time()) < 60
    assert claims.pop("iat")
    assert claims == {
        "iss": f"{stand_in.url}/",
        "sub": "auth0|ana",
        "aud": AUDIENCE,
        "azp": "seen-swagger-ui",
        "scope": "write:seen",
        "permissions": ["write:seen", "write:like", "read:suggest", "write:username", "delete:username"],
    }


def test_the_audience_may_be_in_the_query_of_the_exchange_as_swagger_ui_sends_it(stand_in: StandIn) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        code = sign_in(browser, "ana", code_challenge=pkce.challenge)["code"]
    body = exchange_body(code, pkce.verifier)
    answer = HTTP.post(f"{stand_in.url}/oauth/token", params={"audience": AUDIENCE}, data=body)
    assert stand_in.verified(answer.json()["access_token"])["sub"] == "auth0|ana"


def test_an_admin_has_the_permissions_of_a_user_and_of_items(stand_in: StandIn) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        callback = sign_in(browser, "admin", code_challenge=pkce.challenge)
    claims = stand_in.verified(exchange(stand_in, callback["code"], pkce.verifier).json()["access_token"])
    assert {"write:item", "delete:item", "write:seen"} <= set(claims["permissions"])
    assert "write:item" in claims["scope"].split()


def test_a_code_needs_its_verifier(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        callback = sign_in(browser, "ana")
    answer = exchange(stand_in, callback["code"], Pkce().verifier)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"


def test_a_code_works_once(stand_in: StandIn) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        callback = sign_in(browser, "ana", code_challenge=pkce.challenge)
    assert exchange(stand_in, callback["code"], pkce.verifier).status_code == 200
    again = exchange(stand_in, callback["code"], pkce.verifier)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("changes", [{"redirect_uri": f"{API}/ui/"}, {"client_id": "seen-cli"}])
def test_a_code_belongs_to_its_client_and_callback(stand_in: StandIn, changes: dict[str, str]) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        callback = sign_in(browser, "ana", code_challenge=pkce.challenge)
    answer = exchange(stand_in, callback["code"], pkce.verifier, **changes)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_grant", "unauthorized_client")


@pytest.mark.parametrize("changes", [{"code_challenge_method": "plain"}, {"code_challenge": "short"}])
def test_pkce_is_with_s256_only(stand_in: StandIn, changes: dict[str, str | None]) -> None:
    with stand_in.browser() as browser:
        callback = callback_parameters(browser.get("/authorize", params=request(**changes)))
    assert callback["error"] == "invalid_request"
    assert callback["state"] == request()["state"]


@pytest.mark.parametrize("verifier", ["", "a" * 43])
def test_a_code_without_pkce_is_not_exchanged(stand_in: StandIn, verifier: str) -> None:
    with stand_in.browser() as browser:
        callback = sign_in(browser, "ana", code_challenge=None, code_challenge_method=None)
    answer = exchange(stand_in, callback["code"], verifier)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_the_implicit_flow_returns_an_access_token_in_the_fragment(stand_in: StandIn) -> None:
    query = request(response_type="token", code_challenge=None, code_challenge_method=None)
    with stand_in.browser() as browser:
        answer = browser.post("/authorize", params=query, data={"username": "rui"})
    assert "?" not in answer.headers["Location"]
    callback = callback_parameters(answer)
    assert callback["token_type"] == "Bearer"
    assert callback["expires_in"] == "86400"
    assert stand_in.verified(callback["access_token"])["sub"] == "auth0|rui"


def test_a_session_makes_a_second_sign_in_unnecessary(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        sign_in(browser, "ana")
        assert "code" in callback_parameters(browser.get("/authorize", params=request()))


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_prompt_shows_the_sign_in_page_in_spite_of_a_session(stand_in: StandIn, prompt: str) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        sign_in(browser, "ana")
        callback = sign_in(browser, "rui", prompt=prompt, code_challenge=pkce.challenge)
    claims = stand_in.verified(exchange(stand_in, callback["code"], pkce.verifier).json()["access_token"])
    assert claims["sub"] == "auth0|rui"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        f"{CALLBACK}/",
        f"{CALLBACK}?next=evil",
        f"{API}@evil.example/",
        "javascript:alert(1)",
        'http://x"<script>\u00e9',
    ],
)
def test_an_unknown_callback_gets_a_page_and_no_redirect(stand_in: StandIn, address: str) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/authorize", params=request(redirect_uri=address))
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "<script>" not in answer.text


@pytest.mark.parametrize("client", ["nobody", None, "seen-cli", "seen-machine"])
def test_a_client_without_callbacks_cannot_use_the_sign_in_page(stand_in: StandIn, client: str | None) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/authorize", params=request(client_id=client))
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.parametrize("response_type", ["code", "token"])
def test_an_unknown_audience_is_reported_to_the_callback(stand_in: StandIn, response_type: str) -> None:
    query = request(audience="https://other.example", response_type=response_type)
    with stand_in.browser() as browser:
        callback = callback_parameters(browser.get("/authorize", params=query))
    assert callback["error"] == "access_denied"


@pytest.mark.parametrize("response_type", ["", "password", "code token", "id_token"])
def test_an_unknown_response_type_is_reported_to_the_callback(stand_in: StandIn, response_type: str) -> None:
    with stand_in.browser() as browser:
        callback = callback_parameters(browser.get("/authorize", params=request(response_type=response_type)))
    assert callback["error"] == "unsupported_response_type"


def test_a_form_of_another_site_is_refused(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        answer = browser.post(
            "/authorize", params=request(), data={"username": "admin"}, headers={"Origin": "https://evil.example"}
        )
        assert answer.status_code == 403
        assert not browser.cookies


def test_an_unknown_user_is_refused(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        answer = browser.post("/authorize", params=request(), data={"username": "eve"})
    assert answer.status_code == 400


@pytest.mark.parametrize("query", [{"returnTo": "https://evil.example/"}, {"returnTo": None}, {"client_id": "nobody"}])
def test_signing_out_redirects_to_registered_addresses_only(stand_in: StandIn, query: dict[str, str | None]) -> None:
    registered: dict[str, str | None] = {"client_id": "seen-swagger-ui", "returnTo": f"{API}/ui/"}
    with stand_in.browser() as browser:
        answer = browser.get("/v2/logout", params=registered | query)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_the_sign_in_page_is_neither_framed_nor_cached(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        page = browser.get("/authorize", params=request())
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"


def test_scripts_cannot_read_the_cookie(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        answer = browser.post("/authorize", params=request(), data={"username": "ana"})
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
