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


class Clock:
    """Stands in for the module `time` in tokens.py. The test moves it forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def time(self) -> float:
        return time.time() + self.ahead_s

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(tokens, "time", clock)
    return clock


async def wait_for(expected: int, verifier: Verifier, token: str) -> None:
    """Waits until the verifier refuses the token with this status."""
    async with asyncio.timeout(10):
        while await outcome(verifier, token) != expected:
            await asyncio.sleep(0.02)


async def outcome(verifier: Verifier, token: str) -> Token | int:
    try:
        return await verifier.verify(token)
    except Problem as problem:
        return problem.status_code


async def test_concurrent_requests_share_one_fetch_of_the_keys(provider: Provider) -> None:
    provider.delay_s = 0.1
    async with connect(provider) as verifier:
        outcomes = await asyncio.gather(*(outcome(verifier, provider.token(sub=f"auth0|{n}")) for n in range(50)))
    assert all(isinstance(token, Token) for token in outcomes)
    assert provider.fetches == 1


async def test_keys_are_fetched_from_the_configured_url(provider: Provider) -> None:
    with Provider() as elsewhere:
        async with connect(provider, auth0_keys_url=f"{elsewhere.url}/.well-known/jwks.json") as verifier:
            assert isinstance(await outcome(verifier, provider.token()), Token)
    assert (provider.fetches, elsewhere.fetches) == (0, 1)


async def test_unknown_keys_are_fetched_at_most_once_per_cool_down(provider: Provider, clock: Clock) -> None:
    async with connect(provider, jwks_cool_down_s=60) as verifier:
        await verifier.verify(provider.token())
        clock.ahead_s += 61
        unknown = [provider.token(kid=f"unknown-{n}") for n in range(50)]
        outcomes = await asyncio.gather(*(outcome(verifier, token) for token in unknown))
        assert outcomes == [401] * 50
        assert provider.fetches == 2
        clock.ahead_s += 61
        await asyncio.gather(*(outcome(verifier, token) for token in unknown))
        assert provider.fetches == 3


async def test_a_new_key_is_fetched(provider: Provider) -> None:
    async with connect(provider, jwks_cool_down_s=0) as verifier:
        await verifier.verify(provider.token())
        provider.published = ["second", "first"]
        assert isinstance(await outcome(verifier, provider.token("second")), Token)
        assert isinstance(await outcome(verifier, provider.token("first", sub="auth0|rui")), Token)


async def test_a_revoked_key_expires(provider: Provider, clock: Clock) -> None:
    async with connect(provider, jwks_max_age_s=60, token_cache_s=0) as verifier:
        await verifier.verify(provider.token())
        provider.published = ["second"]
        clock.ahead_s += 61
        await verifier.verify(provider.token())  # starts a fetch, without waiting for it
        await wait_for(401, verifier, provider.token())


async def test_keys_are_kept_while_the_provider_is_down(provider: Provider, clock: Clock) -> None:
    async with connect(provider, jwks_max_age_s=60, token_cache_s=0) as verifier:
        await verifier.verify(provider.token())
        provider.up = False
        clock.ahead_s += 61
        assert await outcome(verifier, provider.token("second")) == 401  # waits for a fetch
        assert provider.fetches > 1
        assert isinstance(await outcome(verifier, provider.token()), Token)


async def test_keys_are_fetched_soon_after_the_provider_starts(provider: Provider) -> None:
    provider.up = False
    async with connect(provider) as verifier:
        assert await outcome(verifier, provider.token()) == 503
        provider.up = True
        async with asyncio.timeout(10):
            while await outcome(verifier, provider.token()) == 503:
                await asyncio.sleep(0.02)
        assert isinstance(await outcome(verifier, provider.token()), Token)


async def test_a_cached_token_is_verified_again_once_it_expires(provider: Provider, clock: Clock) -> None:
    async with connect(provider, jwks_max_age_s=30, token_cache_s=3600) as verifier:
        token = provider.token(exp=int(time.time()) + 60)
        await verifier.verify(token)
        provider.published = ["second"]
        clock.ahead_s += 31
        for _ in range(3):
            assert isinstance(await outcome(verifier, token), Token)
        assert provider.fetches == 1
        clock.ahead_s += 30
        await wait_for(401, verifier, token)


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
    published = provider.jwks()
    encryption_keys = [{**published["keys"][0], "use": "enc", "kid": "second"}]
    provider.jwks = lambda: {"keys": published["keys"] + encryption_keys}  # type: ignore[method-assign]
    async with connect(provider) as verifier:
        assert isinstance(await outcome(verifier, provider.token()), Token)
        assert await outcome(verifier, provider.token(kid="second")) == 401
