"""Which tokens are accepted, and the responses to invalid ones."""

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

# Case, a token of that kind, and part of the message.
REJECTED: list[tuple[str, Callable[[Provider], str], str]] = [
    ("not a token", lambda provider: "garbage", "malformed"),
    ("three invalid parts", lambda provider: "a.b.c", "malformed"),
    ("a header that is not an object", lambda provider: "W10.e30.x", "malformed"),
    ("10,000 characters", lambda provider: "x" * 10_000, "malformed"),
    ("expired", lambda provider: provider.token(exp=NOW - 60), "expired"),
    ("not valid yet", lambda provider: provider.token(nbf=NOW + 600), "not valid yet"),
    ("for another API", lambda provider: provider.token(aud="https://other.example"), "not for this API"),
    ("without an audience", lambda provider: provider.token(aud=None), "claims are invalid"),
    ("from another issuer", lambda provider: provider.token(iss="https://evil.example/"), "another issuer"),
    ("from an issuer without the slash", lambda provider: provider.token(iss=provider.url), "another issuer"),
    ("without an issuer", lambda provider: provider.token(iss=None), "claims are invalid"),
    ("without an expiry", lambda provider: provider.token(exp=None), "claims are invalid"),
    ("an expiry that is not a number", lambda provider: provider.token(exp="soon"), "claims are invalid"),
    ("an infinite expiry", lambda provider: provider.token(exp=1e400), "claims are invalid"),
    ("without a subject", lambda provider: provider.token(sub=None), "claims are invalid"),
    ("a subject that is not a string", lambda provider: provider.token(sub=7), "claims are invalid"),
    ("a subject with a line break", lambda provider: provider.token(sub="auth0|a\nb"), "claims are invalid"),
    (
        "permissions that are not a list",
        lambda provider: provider.token(permissions="write:seen"),
        "claims are invalid",
    ),
    ("signed with the public key as a secret", lambda provider: provider.hmac_token(), "signed with RS256"),
    ("not signed", lambda provider: provider.unsigned_token(), "signed with RS256"),
    ("not signed, algorithm NONE", lambda provider: provider.unsigned_token("NONE"), "signed with RS256"),
    ("an empty signature", lambda provider: provider.token().rsplit(".", 1)[0] + ".", "claims are invalid"),
    ("claims that were not signed", lambda provider: _tampered(provider), "claims are invalid"),
    ("signed with another key", lambda provider: provider.token("other", kid="first"), "claims are invalid"),
    ("an unknown key", lambda provider: provider.token("other"), "unknown key"),
    ("an id token", lambda provider: provider.token(aud="seen-swagger-ui"), "not for this API"),
]


def _tampered(provider: Provider) -> str:
    header, _, signature = provider.token().split(".")
    return f"{header}.{provider.admin().split('.')[1]}.{signature}"


@pytest.mark.parametrize(("make", "reason"), [row[1:] for row in REJECTED], ids=[row[0] for row in REJECTED])
async def test_an_invalid_token_is_401(gateway: Gateway, make: Callable[[Provider], str], reason: str) -> None:
    response = await gateway.request("PUT", SEEN, make(gateway.provider))
    assert response.status_code == 401
    assert reason in response.json()["detail"]
    challenge = response.headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="seen", error="invalid_token", error_description="')
    assert gateway.fakes.calls == []


async def test_without_a_token_the_challenge_names_no_error(gateway: Gateway) -> None:
    response = await gateway.request("PUT", SEEN)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, 'Bearer realm="seen"')


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Token x", "x"])
async def test_another_authorization_scheme_is_rejected(gateway: Gateway, header: str) -> None:
    response = await gateway.request("PUT", SEEN, headers={"Authorization": header})
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


async def test_two_tokens_are_rejected(gateway: Gateway) -> None:
    token = gateway.provider.token()
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    assert (await gateway.client.put(SEEN, headers=headers)).status_code == 401


async def test_a_token_in_the_query_is_ignored(gateway: Gateway) -> None:
    assert (await gateway.request("PUT", f"{SEEN}?access_token={gateway.provider.token()}")).status_code == 401


async def test_small_clock_differences_are_tolerated(gateway: Gateway) -> None:
    now = int(time.time())
    assert (await gateway.request("PUT", SEEN, gateway.provider.token(exp=now - 2))).status_code == 204
    assert (await gateway.request("PUT", SEEN, gateway.provider.token(nbf=now + 2))).status_code == 204


async def test_the_audience_may_be_a_string(gateway: Gateway) -> None:
    assert (await gateway.request("PUT", SEEN, gateway.provider.token(aud=AUDIENCE))).status_code == 204


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
    assert (await gateway.request("PUT", SEEN, gateway.provider.token(**claims))).status_code == 204


PERMISSIONS = [
    ("POST", "/item", "write:item"),
    ("DELETE", f"/item/BOOK/{BOOK_ID}", "delete:item"),
    ("PUT", SEEN, "write:seen"),
    ("DELETE", SEEN, "write:seen"),
    ("PUT", f"/item/BOOK/{BOOK_ID}/notInterested", "write:seen"),
    ("DELETE", f"/item/BOOK/{BOOK_ID}/notInterested", "write:seen"),
    ("PUT", f"/item/BOOK/{BOOK_ID}/like", "write:like"),
    ("DELETE", f"/item/BOOK/{BOOK_ID}/like", "write:like"),
    ("POST", "/suggest", "read:suggest"),
    ("PUT", "/user", "write:username"),
    ("DELETE", "/user", "delete:username"),
    ("POST", "/bestDirector", "write:item"),
    ("POST", "/moreConnected", "write:item"),
]


@pytest.mark.parametrize(("method", "path", "permission"), PERMISSIONS)
async def test_a_missing_permission_is_named(gateway: Gateway, method: str, path: str, permission: str) -> None:
    others = [other for other in ADMIN if other != permission]
    response = await gateway.request(method, path, gateway.provider.token(permissions=others))
    assert response.status_code == 403
    challenge = f'Bearer realm="seen", error="insufficient_scope", scope="{permission}"'
    assert response.headers["www-authenticate"] == challenge
    assert gateway.fakes.calls == []


OWN_ACCOUNT = ["/user", "/user/seen", "/user/liked", "/user/notInterested", f"/user/marks?items=BOOK/{BOOK_ID}"]


@pytest.mark.parametrize("path", OWN_ACCOUNT)
async def test_reading_ones_own_account_needs_a_token_but_no_permission(gateway: Gateway, path: str) -> None:
    assert (await gateway.request("GET", path, gateway.provider.token(permissions=[]))).status_code == 200
    assert (await gateway.request("GET", path)).status_code == 401


async def test_public_operations_ignore_tokens(gateway: Gateway) -> None:
    assert (await gateway.request("GET", f"/item/BOOK/{BOOK_ID}", "garbage")).status_code == 200


async def test_without_signing_keys_a_token_is_503() -> None:
    with Provider() as provider:
        provider.up = False
        async with start(provider) as gateway:
            response = await gateway.as_user("PUT", SEEN)
            assert response.status_code == 503
            assert "identity provider" in response.json()["detail"]
            assert (await gateway.request("GET", "/lib/1")).status_code == 200
