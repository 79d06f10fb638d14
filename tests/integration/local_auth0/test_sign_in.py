"""A person signs in by browser: authorization code with PKCE, the implicit flow, sessions, sign-out."""

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
    came_back,
    exchange,
    request,
    sign_in,
)


def test_a_code_becomes_tokens_with_auth0s_claims(stand_in: StandIn) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        back = sign_in(browser, "ana", code_challenge=pkce.challenge, nonce="n-1")
    assert back["state"] == request()["state"]

    answer = exchange(stand_in, back["code"], pkce.verifier)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    tokens = answer.json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 86_400
    assert tokens["scope"] == "openid profile email write:seen"  # write:item is not hers to give
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


def test_an_admin_may_do_what_a_user_may_and_change_items(stand_in: StandIn) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        back = sign_in(browser, "admin", code_challenge=pkce.challenge)
    claims = stand_in.verified(exchange(stand_in, back["code"], pkce.verifier).json()["access_token"])
    assert {"write:item", "delete:item", "write:seen"} <= set(claims["permissions"])
    assert "write:item" in claims["scope"].split()


def test_a_code_is_no_good_without_its_verifier(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        back = sign_in(browser, "ana")
    answer = exchange(stand_in, back["code"], Pkce().verifier)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"


def test_a_code_works_once(stand_in: StandIn) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        back = sign_in(browser, "ana", code_challenge=pkce.challenge)
    assert exchange(stand_in, back["code"], pkce.verifier).status_code == 200
    again = exchange(stand_in, back["code"], pkce.verifier)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("changes", [{"redirect_uri": f"{API}/ui/"}, {"client_id": "seen-cli"}])
def test_a_code_belongs_to_its_client_and_callback(stand_in: StandIn, changes: dict[str, str]) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        back = sign_in(browser, "ana", code_challenge=pkce.challenge)
    answer = exchange(stand_in, back["code"], pkce.verifier, **changes)
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
        back = came_back(browser.get("/authorize", params=request(**changes)))
    assert back["error"] == "invalid_request"
    assert back["state"] == request()["state"]


def test_the_implicit_flow_brings_an_access_token_in_the_fragment(stand_in: StandIn) -> None:
    query = request(response_type="token", code_challenge=None, code_challenge_method=None)
    with stand_in.browser() as browser:
        answer = browser.post("/authorize", params=query, data={"person": "rui"})
    assert "?" not in answer.headers["Location"]
    back = came_back(answer)
    assert back["token_type"] == "Bearer"
    assert back["expires_in"] == "86400"
    assert stand_in.verified(back["access_token"])["sub"] == "auth0|rui"


@pytest.mark.parametrize("response_type", ["id_token token", "token id_token"])
def test_the_openid_implicit_flow_brings_both_tokens(stand_in: StandIn, response_type: str) -> None:
    with stand_in.browser() as browser:
        back = sign_in(browser, "rui", response_type=response_type, nonce="n-2")
    assert stand_in.verified(back["access_token"])["sub"] == "auth0|rui"
    keys = HTTP.get(f"{stand_in.url}/.well-known/jwks.json").json()
    identity = jwt.decode(  # checks at_hash too
        back["id_token"], keys, "RS256", audience="seen-swagger-ui", access_token=back["access_token"]
    )
    assert identity["nonce"] == "n-2"


def test_an_id_token_needs_a_nonce(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/authorize", params=request(response_type="id_token"))
    assert "#error=invalid_request" in answer.headers["Location"]


def test_form_post_carries_the_answer_in_a_form(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        query = request(response_mode="form_post")
        page = browser.post("/authorize", params=query, data={"person": "ana"})
    assert f'action="{CALLBACK}"' in page.text
    assert 'name="code"' in page.text
    assert 'value="a state/with?odd=characters&amp;more"' in page.text


def test_a_token_never_travels_in_a_query(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/authorize", params=request(response_type="token", response_mode="query"))
    assert "#error=invalid_request" in answer.headers["Location"]


def test_a_second_application_request_needs_no_second_sign_in(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        sign_in(browser, "ana")
        assert "code" in came_back(browser.get("/authorize", params=request()))
        assert "code" in came_back(browser.get("/authorize", params=request(prompt="none")))


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_prompt_asks_again_who_is_there(stand_in: StandIn, prompt: str) -> None:
    pkce = Pkce()
    with stand_in.browser() as browser:
        sign_in(browser, "ana")
        back = sign_in(browser, "rui", prompt=prompt, code_challenge=pkce.challenge)
    claims = stand_in.verified(exchange(stand_in, back["code"], pkce.verifier).json()["access_token"])
    assert claims["sub"] == "auth0|rui"


@pytest.mark.parametrize("scope", ["openid", "write:seen"])
@pytest.mark.parametrize("response_type", ["code", "token"])
def test_prompt_none_without_a_session_says_that_a_sign_in_is_needed(
    stand_in: StandIn, response_type: str, scope: str
) -> None:
    with stand_in.browser() as browser:
        query = request(prompt="none", response_type=response_type, scope=scope)
        back = came_back(browser.get("/authorize", params=query))
    assert back["error"] == "login_required"
    assert back["state"] == query["state"]


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
def test_only_a_client_with_callbacks_sends_people_here(stand_in: StandIn, client: str | None) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/authorize", params=request(client_id=client))
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_an_unknown_audience_is_refused_as_auth0_does(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        back = came_back(browser.get("/authorize", params=request(audience="https://other.example")))
    assert back["error"] == "access_denied"
    assert back["error_description"] == "Service not found: https://other.example"


@pytest.mark.parametrize("response_type", ["", "password", "code token", 'c\u00f6de"'])
def test_an_unknown_response_type_is_sent_back(stand_in: StandIn, response_type: str) -> None:
    with stand_in.browser() as browser:
        back = came_back(browser.get("/authorize", params=request(response_type=response_type)))
    assert back["error"] == "unsupported_response_type"


def test_another_sites_form_signs_nobody_in(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        answer = browser.post(
            "/authorize", params=request(), data={"person": "admin"}, headers={"Origin": "https://evil.example"}
        )
        assert answer.status_code == 403
        assert not browser.cookies


def test_a_made_up_person_signs_in_nowhere(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        answer = browser.post("/authorize", params=request(), data={"person": "eve"})
    assert answer.status_code == 400


def test_signing_out_ends_the_session(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        sign_in(browser, "ana")
        answer = browser.get("/v2/logout", params={"client_id": "seen-swagger-ui", "returnTo": f"{API}/ui/"})
        assert answer.status_code == 302
        assert answer.headers["Location"] == f"{API}/ui/"
        assert came_back(browser.get("/authorize", params=request(prompt="none")))["error"] == "login_required"


@pytest.mark.parametrize("query", [{"returnTo": "https://evil.example/"}, {"client_id": "nobody"}])
def test_signing_out_goes_to_known_addresses_only(stand_in: StandIn, query: dict[str, str]) -> None:
    with stand_in.browser() as browser:
        answer = browser.get("/v2/logout", params=query)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_a_page_is_never_framed_nor_cached(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        page = browser.get("/authorize", params=request())
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"


def test_the_cookie_is_out_of_scripts_reach(stand_in: StandIn) -> None:
    with stand_in.browser() as browser:
        answer = browser.post("/authorize", params=request(), data={"person": "ana"})
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
