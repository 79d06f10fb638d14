"""How signing keys are fetched and cached."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from services.gateway.http import tokens
from services.gateway.http.problems import Problem
from services.gateway.http.tokens import Token, Verifier
from tests.integration.gateway.conftest import settings
from tests.integration.gateway.provider import Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


def connect(provider: Provider, **other: Any) -> AbstractAsyncContextManager[Verifier]:
    return tokens.connect(settings(provider.url, "unused:1", **other))


async def outcome(verifier: Verifier, token: str) -> Token | int:
    try:
        return await verifier.verify(token)
    except Problem as problem:
        return problem.status_code


async def test_concurrent_requests_share_one_fetch_of_the_keys(provider: Provider) -> None:
    provider.delay_s = 0.1
    async with connect(provider) as verifier:
        found = await asyncio.gather(*(outcome(verifier, provider.token(sub=f"auth0|{n}")) for n in range(50)))
    assert all(isinstance(token, Token) for token in found)
    assert provider.fetches == 1


async def test_keys_are_fetched_from_the_configured_url(provider: Provider) -> None:
    with Provider() as elsewhere:
        async with connect(provider, auth0_keys_url=f"{elsewhere.url}/.well-known/jwks.json") as verifier:
            assert isinstance(await outcome(verifier, provider.token()), Token)
    assert (provider.fetches, elsewhere.fetches) == (0, 1)


async def test_unknown_keys_are_fetched_at_most_once_per_cool_down(provider: Provider) -> None:
    async with connect(provider, jwks_cool_down_s=0.8) as verifier:
        await verifier.verify(provider.token())
        await asyncio.sleep(0.9)
        unknown = [provider.token(kid=f"unknown-{n}") for n in range(50)]
        found = await asyncio.gather(*(outcome(verifier, token) for token in unknown))
        assert found == [401] * 50
        assert provider.fetches == 2
        await asyncio.sleep(0.9)
        await asyncio.gather(*(outcome(verifier, token) for token in unknown))
        assert provider.fetches == 3


async def test_a_new_key_is_fetched(provider: Provider) -> None:
    async with connect(provider, jwks_cool_down_s=0) as verifier:
        await verifier.verify(provider.token())
        provider.published = ["second", "first"]
        assert isinstance(await outcome(verifier, provider.token("second")), Token)
        assert isinstance(await outcome(verifier, provider.token("first", sub="auth0|rui")), Token)


async def test_a_revoked_key_expires(provider: Provider) -> None:
    async with connect(provider, jwks_cool_down_s=0, jwks_max_age_s=0.05, token_cache_s=0) as verifier:
        await verifier.verify(provider.token())
        provider.published = ["second"]
        await asyncio.sleep(0.1)
        await verifier.verify(provider.token())  # starts a fetch, without waiting for it
        async with asyncio.timeout(2):
            while await outcome(verifier, provider.token()) != 401:
                await asyncio.sleep(0.02)


async def test_keys_are_kept_while_the_provider_is_down(provider: Provider) -> None:
    async with connect(provider, jwks_cool_down_s=0, jwks_max_age_s=0.01, token_cache_s=0) as verifier:
        await verifier.verify(provider.token())
        provider.up = False
        for _ in range(3):
            await asyncio.sleep(0.05)
            assert isinstance(await outcome(verifier, provider.token()), Token)
        assert await outcome(verifier, provider.token("second")) == 401
        assert provider.fetches > 1


async def test_keys_are_fetched_soon_after_the_provider_starts(provider: Provider) -> None:
    provider.up = False
    async with connect(provider) as verifier:
        assert await outcome(verifier, provider.token()) == 503
        provider.up = True
        async with asyncio.timeout(2):
            while await outcome(verifier, provider.token()) == 503:
                await asyncio.sleep(0.05)
        assert isinstance(await outcome(verifier, provider.token()), Token)


async def test_a_cached_token_is_refused_once_it_expires(provider: Provider) -> None:
    async with connect(provider) as verifier:
        token = provider.token(exp=int(time.time()) - 3)  # within the tolerated clock difference
        await verifier.verify(token)
        await asyncio.sleep(3.2)
        assert await outcome(verifier, token) == 401


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        [],
        {"keys": {}},
        {"keys": []},
        {"keys": [7]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "first", "alg": "HS256"}]},
        {"keys": [{"kty": "RSA", "kid": "first", "n": "AQAB", "e": "AQAB"}]},
    ],
    ids=str,
)
async def test_an_unusable_key_set_is_503(provider: Provider, jwks: Any) -> None:
    provider.jwks = lambda: jwks  # type: ignore[method-assign]
    async with connect(provider) as verifier:
        assert await outcome(verifier, provider.token()) == 503


async def test_an_encryption_key_does_not_verify_signatures(provider: Provider) -> None:
    usual = provider.jwks()
    other = [{**usual["keys"][0], "use": "enc", "kid": "second"}]
    provider.jwks = lambda: {"keys": usual["keys"] + other}  # type: ignore[method-assign]
    async with connect(provider) as verifier:
        assert isinstance(await outcome(verifier, provider.token()), Token)
        assert await outcome(verifier, provider.token(kid="second")) == 401
