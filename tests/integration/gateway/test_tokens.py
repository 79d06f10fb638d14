"""Which tokens are accepted, and what is said of the others."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.gateway.conftest import Gateway, start
from tests.integration.gateway.fakes import BOOK_ID
from tests.integration.gateway.provider import ADMIN, AUDIENCE, Provider

pytestmark = pytest.mark.asyncio(loop_scope="package")

NOW = int(time.time())
SEEN = f"/item/BOOK/{BOOK_ID}/seen"

# What is wrong with a token, a token with which it is, and what its owner is told.
REJECTED: list[tuple[str, Callable[[Provider], str], str]] = [
    ("garbage", lambda provider: "garbage", "malformed"),
    ("three times garbage", lambda provider: "a.b.c", "malformed"),
    ("a header that is no object", lambda provider: "W10.e30.x", "malformed"),
    ("10,000 characters", lambda provider: "x" * 10_000, "malformed"),
    ("expired", lambda provider: provider.token(exp=NOW - 60), "expired"),
    ("not valid yet", lambda provider: provider.token(nbf=NOW + 600), "not valid yet"),
    ("for another API", lambda provider: provider.token(aud="https://other.example"), "not for this API"),
    ("for no API", lambda provider: provider.token(aud=None), "claims are invalid"),
    ("from another issuer", lambda provider: provider.token(iss="https://evil.example/"), "another issuer"),
    ("from an issuer without the slash", lambda provider: provider.token(iss=provider.url), "another issuer"),
    ("from no issuer", lambda provider: provider.token(iss=None), "claims are invalid"),
    ("valid for ever", lambda provider: provider.token(exp=None), "claims are invalid"),
    ("an exp that is no number", lambda provider: provider.token(exp="soon"), "claims are invalid"),
    ("an exp beyond all time", lambda provider: provider.token(exp=1e400), "claims are invalid"),
    ("nobody's", lambda provider: provider.token(sub=None), "claims are invalid"),
    ("a subject that is no text", lambda provider: provider.token(sub=7), "claims are invalid"),
    ("a subject with a line break", lambda provider: provider.token(sub="auth0|a\nb"), "claims are invalid"),
    ("permissions that are no list", lambda provider: provider.token(permissions="write:seen"), "claims are invalid"),
    ("signed with the public key as a secret", lambda provider: provider.hmac_token(), "signed with RS256"),
    ("not signed", lambda provider: provider.unsigned_token(), "signed with RS256"),
    ("not signed, in capitals", lambda provider: provider.unsigned_token("NONE"), "signed with RS256"),
    ("an empty signature", lambda provider: provider.token().rsplit(".", 1)[0] + ".", "claims are invalid"),
    ("other claims than were signed", lambda provider: _tampered(provider), "claims are invalid"),
    ("another's signature", lambda provider: provider.token("other", kid="first"), "claims are invalid"),
    ("a key that nobody knows", lambda provider: provider.token("other"), "unknown key"),
    ("an id token", lambda provider: provider.token(aud="seen-swagger-ui"), "not for this API"),
]


def _tampered(provider: Provider) -> str:
    header, _, signature = provider.token().split(".")
    return f"{header}.{provider.admin().split('.')[1]}.{signature}"


@pytest.mark.parametrize(("make", "reason"), [row[1:] for row in REJECTED], ids=[row[0] for row in REJECTED])
async def test_a_token_is_rejected_that_is(gateway: Gateway, make: Callable[[Provider], str], reason: str) -> None:
    response = await gateway.ask("PUT", SEEN, make(gateway.provider))
    assert response.status_code == 401
    assert reason in response.json()["detail"]
    challenge = response.headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="seen", error="invalid_token", error_description="')
    assert gateway.fakes.asked == []


async def test_without_a_token_the_challenge_names_no_error(gateway: Gateway) -> None:
    response = await gateway.ask("PUT", SEEN)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, 'Bearer realm="seen"')


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Token x", "x"])
async def test_another_kind_of_authorization_is_rejected(gateway: Gateway, header: str) -> None:
    response = await gateway.ask("PUT", SEEN, headers={"Authorization": header})
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


async def test_two_tokens_are_rejected(gateway: Gateway) -> None:
    token = gateway.provider.token()
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    assert (await gateway.client.put(SEEN, headers=headers)).status_code == 401


async def test_a_token_in_the_address_is_not_looked_at(gateway: Gateway) -> None:
    assert (await gateway.ask("PUT", f"{SEEN}?access_token={gateway.provider.token()}")).status_code == 401


async def test_clocks_may_differ_by_seconds(gateway: Gateway) -> None:
    now = int(time.time())
    assert (await gateway.ask("PUT", SEEN, gateway.provider.token(exp=now - 2))).status_code == 204
    assert (await gateway.ask("PUT", SEEN, gateway.provider.token(nbf=now + 2))).status_code == 204


async def test_the_audience_may_be_one_word(gateway: Gateway) -> None:
    assert (await gateway.ask("PUT", SEEN, gateway.provider.token(aud=AUDIENCE))).status_code == 204


@pytest.mark.parametrize(
    "claims",
    [
        {"permissions": ["write:seen"], "scope": None},
        {"permissions": None, "scope": "openid write:seen"},
        {"permissions": ["write:like"], "scope": "write:seen"},
    ],
    ids=["permissions", "scope", "both"],
)
async def test_a_permission_may_be_in_either_claim(gateway: Gateway, claims: dict[str, Any]) -> None:
    assert (await gateway.ask("PUT", SEEN, gateway.provider.token(**claims))).status_code == 204


NEEDED = [
    ("POST", "/item", "write:item"),
    ("DELETE", f"/item/BOOK/{BOOK_ID}", "delete:item"),
    ("PUT", SEEN, "write:seen"),
    ("DELETE", SEEN, "write:seen"),
    ("PUT", f"/item/BOOK/{BOOK_ID}/like", "write:like"),
    ("DELETE", f"/item/BOOK/{BOOK_ID}/like", "write:like"),
    ("POST", "/suggest", "read:suggest"),
    ("PUT", "/user", "write:username"),
    ("DELETE", "/user", "delete:username"),
    ("POST", "/bestDirector", "write:item"),
    ("POST", "/moreConnected", "write:item"),
]


@pytest.mark.parametrize(("method", "path", "permission"), NEEDED)
async def test_a_missing_permission_is_named(gateway: Gateway, method: str, path: str, permission: str) -> None:
    others = [other for other in ADMIN if other != permission]
    response = await gateway.ask(method, path, gateway.provider.token(permissions=others))
    assert response.status_code == 403
    challenge = f'Bearer realm="seen", error="insufficient_scope", scope="{permission}"'
    assert response.headers["www-authenticate"] == challenge
    assert gateway.fakes.asked == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/user"), ("GET", "/user/seen"), ("GET", "/user/liked")])
async def test_any_token_will_do_for_what_is_ones_own(gateway: Gateway, method: str, path: str) -> None:
    assert (await gateway.ask(method, path, gateway.provider.token(permissions=[]))).status_code == 200
    assert (await gateway.ask(method, path)).status_code == 401


async def test_a_bad_token_does_no_harm_where_none_is_needed(gateway: Gateway) -> None:
    assert (await gateway.ask("GET", f"/item/BOOK/{BOOK_ID}", "garbage")).status_code == 200


async def test_while_the_provider_was_never_there_it_is_503() -> None:
    with Provider() as provider:
        provider.up = False
        async with start(provider) as gateway:
            response = await gateway.as_user("PUT", SEEN)
            assert response.status_code == 503
            assert "identity provider" in response.json()["detail"]
            assert (await gateway.ask("GET", "/lib/1")).status_code == 200
