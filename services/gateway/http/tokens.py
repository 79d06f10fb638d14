"""Verifies access tokens. The only module that knows how they are signed."""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from jose import jwk, jwt
from jose.backends.base import Key
from jose.exceptions import ExpiredSignatureError, JOSEError, JWTClaimsError

from services.common import deadline
from services.gateway.http import problems
from services.gateway.http.problems import CHALLENGE, Problem
from services.gateway.settings import GatewaySettings

log = logging.getLogger(__name__)

ALGORITHM = "RS256"
MAX_TOKEN_LENGTH = 8192
LEEWAY_S = 5  # tolerated difference between clocks
FETCH_TIMEOUT_S = 3.0
# Cool-down until the first fetch succeeds, so that a provider that starts after the gateway is found soon.
FIRST_COOL_DOWN_S = 0.5
MIN_KEY_BYTES = 256  # 2048 bits
MAX_CACHED_TOKENS = 8192


@dataclass(frozen=True)
class Token:
    subject: str
    permissions: frozenset[str]
    expires: float  # seconds since 1970


class SigningKeys:
    """The provider's public keys by id. Waiting requests share one fetch; keys are kept while the provider is down."""

    def __init__(self, url: str, client: httpx.AsyncClient, cool_down_s: float, max_age_s: float) -> None:
        self._url = url
        self._client = client
        self._cool_down_s = cool_down_s
        self._max_age_s = max_age_s
        self._keys: Mapping[str, Key] = {}
        self._fetched_at = -max_age_s
        self._next_fetch_at = 0.0
        self._fetching = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    async def get(self, key_id: str) -> Key | None:
        """None if the provider has no such key. A 503 problem if no key could be fetched so far."""
        key = self._keys.get(key_id)
        if key is None:
            await self._fetch_if_due()
            key = self._keys.get(key_id)
        elif time.monotonic() - self._fetched_at > self._max_age_s and (self._renewal is None or self._renewal.done()):
            # Revoked keys must expire. This request does not wait for the fetch.
            self._renewal = asyncio.create_task(self._fetch_if_due())
        if not self._keys:
            raise problems.unavailable("the identity provider does not answer; try again later")
        return key

    async def _fetch_if_due(self) -> None:
        async with self._fetching:
            if time.monotonic() < self._next_fetch_at:
                return
            try:
                self._keys = await self._fetch()
                self._fetched_at = time.monotonic()
            except (httpx.HTTPError, ValueError) as error:
                log.warning("cannot fetch the signing keys: %s %s", type(error).__name__, error)
            wait_s = self._cool_down_s if self._keys else min(self._cool_down_s, FIRST_COOL_DOWN_S)
            self._next_fetch_at = time.monotonic() + wait_s

    async def _fetch(self) -> Mapping[str, Key]:
        response = await self._client.get(self._url, timeout=min(FETCH_TIMEOUT_S, deadline.for_next_hop()))
        response.raise_for_status()
        try:
            keys = {
                entry["kid"]: jwk.construct(entry, ALGORITHM) for entry in response.json()["keys"] if _is_usable(entry)
            }
        except (KeyError, TypeError, AttributeError, JOSEError) as error:
            raise ValueError("the response is not a JSON Web Key Set") from error
        if not keys:
            raise ValueError("the set has no usable RS256 key")
        return keys


def _is_usable(entry: Mapping[str, Any]) -> bool:
    return (
        entry["kty"] == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", ALGORITHM) == ALGORITHM
        and isinstance(entry.get("kid"), str)
        and len(entry["n"]) * 6 // 8 >= MIN_KEY_BYTES  # base64
    )


class Verifier:
    """Verifies signature, issuer, audience and times of tokens. Valid tokens are cached for `cache_s` seconds."""

    def __init__(self, keys: SigningKeys, issuer: str, audience: str, cache_s: float) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._cache_s = cache_s
        # By the token's hash, with the time at which the entry expires.
        self._verified: OrderedDict[bytes, tuple[Token, float]] = OrderedDict()

    async def verify(self, text: str) -> Token:
        """Raises a 401 problem that says what is wrong with the token."""
        if len(text) > MAX_TOKEN_LENGTH or not text.isascii():
            raise invalid_token("the token is malformed")
        digest = hashlib.sha256(text.encode()).digest()
        cached = self._verified.get(digest)
        if cached and time.time() < cached[1]:
            return cached[0]
        token = await self._verify(text)
        self._verified[digest] = token, min(token.expires, time.time() + self._cache_s)
        self._verified.move_to_end(digest)
        if len(self._verified) > MAX_CACHED_TOKENS:
            self._verified.popitem(last=False)
        return token

    async def _verify(self, text: str) -> Token:
        key = await self._keys.get(_key_id(text))
        if key is None:
            raise invalid_token("the token is signed with an unknown key")
        try:
            claims = jwt.decode(
                text,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options={
                    "leeway": LEEWAY_S,
                    "require_aud": True,
                    "require_exp": True,
                    "require_iss": True,
                    "require_sub": True,
                    "verify_at_hash": False,  # about another token
                },
            )
            return Token(_subject(claims), _permissions(claims), float(claims["exp"]))
        except ExpiredSignatureError:
            raise invalid_token("the token has expired") from None
        except JWTClaimsError as error:
            raise invalid_token(_CLAIM_MESSAGES.get(str(error), "the token's claims are invalid")) from None
        except (JOSEError, ValueError, TypeError, OverflowError, RecursionError):
            raise invalid_token("the token's signature or claims are invalid") from None


# jose's messages about claims, and the messages for users.
_CLAIM_MESSAGES = {
    "Invalid audience": "the token is not for this API",
    "Invalid issuer": "the token is from another issuer",
    "The token is not yet valid (nbf)": "the token is not valid yet",
}


def _key_id(text: str) -> str:
    """The id of the key in the token's header. Refuses algorithms other than RS256 before any key is used."""
    try:
        header = jwt.get_unverified_header(text)
    except (JOSEError, RecursionError):
        raise invalid_token("the token is malformed") from None
    if header.get("alg") != ALGORITHM or "crit" in header:
        raise invalid_token(f"the token must be signed with {ALGORITHM}")
    key_id = header.get("kid")
    if not isinstance(key_id, str):
        raise invalid_token("the token has no key id")
    return key_id


def _subject(claims: Mapping[str, Any]) -> str:
    subject: str = claims["sub"]
    if not subject or not subject.isprintable():
        raise ValueError
    return subject


def _permissions(claims: Mapping[str, Any]) -> frozenset[str]:
    """Auth0 lists a user's permissions in the claim `permissions`, and the granted scopes in `scope`."""
    permissions, scope = claims.get("permissions", []), claims.get("scope", "")
    if not isinstance(permissions, list) or not isinstance(scope, str):
        raise ValueError
    return frozenset(map(str, permissions)) | frozenset(scope.split())


def invalid_token(description: str) -> Problem:
    """401 for an invalid token (RFC 6750)."""
    challenge = f'{CHALLENGE}, error="invalid_token", error_description="{description}"'
    return Problem(401, description, headers={"WWW-Authenticate": challenge})


@asynccontextmanager
async def connect(settings: GatewaySettings) -> AsyncIterator[Verifier]:
    """Verifies the tokens of the identity provider in the settings."""
    url = settings.auth0_keys_url or f"{settings.auth0_url}/.well-known/jwks.json"
    async with httpx.AsyncClient(headers={"Accept": "application/json"}) as client:
        keys = SigningKeys(url, client, settings.jwks_cool_down_s, settings.jwks_max_age_s)
        yield Verifier(keys, f"{settings.auth0_url}/", settings.auth0_audience, settings.token_cache_s)
