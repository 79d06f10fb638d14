"""Signing in by browser: authorization code with PKCE, the implicit flow, sessions, silent authentication, sign-out."""

import json
import re
import time

import httpx
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
    request,
    sign_in,
)


def test_a_code_is_exchanged_for_tokens_with_auth0s_claims(stand_in: StandIn) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        callback = sign_in(browser, "ana", code_challenge=pkce.challenge, nonce="n-1")
    assert callback["state"] == request()["state"]

    answer = exchange(stand_in, callback["code"], pkce.verifier)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    tokens = answer.json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 86_400
    assert tokens["scope"] == "openid profile email write:seen"  # without write:item, which she does not have
    assert jwt.get_unverified_header(tokens["access_token"]) == {
        "alg": "RS256",
        "typ": "JWT",
        "kid": stand_in.kids()[0],
    }
    claims = stand_in.verified(tokens["access_token"])
    assert claims["exp"] - claims["iat"] == 86_400
    assert abs(claims.pop("exp") - 86_400 - time.time()) < 60
    assert claims.pop("iat")
    assert claims == {
        "iss": f"{stand_in.url}/",
        "sub": "auth0|ana",
        "aud": [AUDIENCE, f"{stand_in.url}/userinfo"],
        "azp": "seen-swagger-ui",
        "scope": "openid profile email write:seen",
        "permissions": ["write:seen", "write:like", "read:suggest", "write:username", "delete:username"],
    }
    identity = stand_in.verified(tokens["id_token"], audience="seen-swagger-ui")
    assert identity["nonce"] == "n-1"
    assert (identity["sub"], identity["name"], identity["email"]) == ("auth0|ana", "Ana", "ana@seen.example")


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


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
    ],
)
def test_pkce_with_s256_is_required(stand_in: StandIn, changes: dict[str, str | None]) -> None:
    with stand_in.browser() as browser:
        callback = callback_parameters(browser.get("/authorize", params=request(**changes)))
    assert callback["error"] == "invalid_request"
    assert callback["state"] == request()["state"]


def test_the_implicit_flow_returns_an_access_token_in_the_fragment(stand_in: StandIn) -> None:
    query = request(response_type="token", code_challenge=None, code_challenge_method=None)
    with stand_in.browser() as browser:
        answer = browser.post("/authorize", params=query, data={"username": "rui"})
    assert "?" not in answer.headers["Location"]
    callback = callback_parameters(answer)
    assert callback["token_type"] == "Bearer"
    assert callback["expires_in"] == "86400"
    assert stand_in.verified(callback["access_token"])["sub"] == "auth0|rui"


@pytest.mark.parametrize("response_type", ["id_token token", "token id_token"])
def test_the_openid_implicit_flow_returns_both_tokens(stand_in: StandIn, response_type: str) -> None:
    with stand_in.browser() as browser:
        callback = sign_in(browser, "rui", response_type=response_type, nonce="n-2")
    assert stand_in.verified(callback["access_token"])["sub"] == "auth0|rui"
    keys = HTTP.get(f"{stand_in.url}/.well-known/jwks.json").json()
    identity = jwt.decode(  # checks at_hash too
        callback["id_token"], keys, "RS256", audience="seen-swagger-ui", access_token=callback["access_token"]
    )
    assert identity["nonce"] == "n-2"


def test_an_id_token_needs_a_nonce(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/authorize", params=request(response_type="id_token"))
    assert "#error=invalid_request" in answer.headers["Location"]


def test_a_token_is_not_sent_in_a_query(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/authorize", params=request(response_type="token", response_mode="query"))
    assert "#error=invalid_request" in answer.headers["Location"]


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


def test_silent_authentication_returns_a_code_that_the_page_can_exchange(stand_in: StandIn) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        sign_in(browser, "rui")
        query = request(prompt="none", code_challenge=pkce.challenge)
        code = callback_parameters(browser.get("/authorize", params=query))["code"]
    answer = exchange(stand_in, code, pkce.verifier)
    assert stand_in.verified(answer.json()["access_token"])["sub"] == "auth0|rui"


@pytest.mark.parametrize(
    ("response_type", "scope"),
    [
        ("code", "openid"),
        ("code", "write:seen"),
        ("token", "openid"),
        ("token", "write:seen"),
        ("id_token token", "openid"),
    ],
)
def test_silent_authentication_without_a_session_is_redirected_with_login_required(
    stand_in: StandIn, response_type: str, scope: str
) -> None:
    with stand_in.browser() as browser:
        query = request(prompt="none", response_type=response_type, scope=scope, nonce="n-3")
        redirect = browser.get("/authorize", params=query)
    assert ("#" in redirect.headers["Location"]) == ("token" in response_type)
    parameters = callback_parameters(redirect)
    assert (parameters["error"], parameters["error_description"]) == ("login_required", "Login required")
    assert parameters["state"] == query["state"]


def test_an_error_is_sent_in_the_response_mode_of_the_request(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        query = request(prompt="none", response_mode="fragment")
        assert "#error=login_required" in browser.get("/authorize", params=query).headers["Location"]


def web_message(page: httpx.Response) -> dict[str, str]:
    """The message of the page, which only the API's origin may frame and receive."""
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"].endswith(f"frame-ancestors {API}")
    posted = re.search(r"postMessage\(\{type: \"authorization_response\", response: (\{.*\})\}, \"(.*)\"\)", page.text)
    assert posted
    assert posted[2] == API
    message: dict[str, str] = json.loads(posted[1])
    return message


def test_silent_authentication_in_a_frame_posts_its_answer_to_the_page(stand_in: StandIn) -> None:
    query = request(prompt="none", response_mode="web_message", state="</script>")
    with stand_in.browser() as browser:
        before = web_message(browser.get("/authorize", params=query))
        sign_in(browser, "ana")
        after = web_message(browser.get("/authorize", params=query))
    assert (before["error"], before["state"]) == ("login_required", "</script>")
    assert set(after) == {"code", "state"}


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
    assert "Callback URL mismatch" in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("client", ["nobody", None, "seen-cli", "seen-machine"])
def test_a_client_without_callbacks_cannot_use_the_sign_in_page(stand_in: StandIn, client: str | None) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/authorize", params=request(client_id=client))
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_an_unknown_audience_is_refused_as_auth0_does(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        callback = callback_parameters(browser.get("/authorize", params=request(audience="https://other.example")))
    assert callback["error"] == "access_denied"
    assert callback["error_description"] == "Service not found: https://other.example"


@pytest.mark.parametrize("response_type", ["", "password", "code token", 'c\u00f6de"'])
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


def test_signing_out_ends_the_session(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        sign_in(browser, "ana")
        answer = browser.get("/v2/logout", params={"client_id": "seen-swagger-ui", "returnTo": f"{API}/ui/"})
        assert answer.status_code == 302
        assert answer.headers["Location"] == f"{API}/ui/"
        assert (
            callback_parameters(browser.get("/authorize", params=request(prompt="none")))["error"] == "login_required"
        )


@pytest.mark.parametrize("query", [{"returnTo": "https://evil.example/"}, {"client_id": "nobody"}])
def test_signing_out_redirects_to_registered_addresses_only(stand_in: StandIn, query: dict[str, str]) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/v2/logout", params=query)
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
