"""Access tokens: who sent a request, and what they may do. The only module that knows how tokens are signed."""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import httpx
from jose import jwk, jwt
from jose.backends.base import Key
from jose.exceptions import ExpiredSignatureError, JOSEError, JWTClaimsError

from services.common import deadline
from services.gateway import problems
from services.gateway.problems import CHALLENGE, Problem
from services.gateway.settings import GatewaySettings

log = logging.getLogger(__name__)

ALGORITHM = "RS256"
LONGEST_TOKEN = 8192
LEEWAY_S = 5  # clocks differ
FETCH_TIMEOUT_S = 3.0
# While there is no key at all, so that a provider that starts after us is found soon.
FIRST_COOL_DOWN_S = 0.5
SMALLEST_KEY_BYTES = 256
MOST_CACHED_TOKENS = 2048


@dataclass(frozen=True)
class Token:
    subject: str
    permissions: frozenset[str]
    expires: float  # seconds since 1970


class SigningKeys:
    """The provider's public keys by id. Fetched once for all requests that wait for them, and kept while it is down."""

    def __init__(self, address: str, client: httpx.AsyncClient, cool_down_s: float, max_age_s: float) -> None:
        self._address = address
        self._client = client
        self._cool_down_s = cool_down_s
        self._max_age_s = max_age_s
        self._keys: Mapping[str, Key] = {}
        self._fetched = -max_age_s
        self._next_fetch = 0.0
        self._fetching = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    async def get(self, key_id: str) -> Key | None:
        """None if the provider knows no such key. Raises a problem where no key was ever to be had."""
        key = self._keys.get(key_id)
        if key is None:
            await self._fetch_if_due()
            key = self._keys.get(key_id)
        elif time.monotonic() - self._fetched > self._max_age_s and (self._renewal is None or self._renewal.done()):
            # A key that was withdrawn must not be good for ever; this request does not wait for that.
            self._renewal = asyncio.create_task(self._fetch_if_due())
        if not self._keys:
            raise problems.unavailable("the identity provider does not answer; try again later")
        return key

    async def _fetch_if_due(self) -> None:
        async with self._fetching:
            if time.monotonic() < self._next_fetch:
                return
            try:
                self._keys = await self._fetch()
                self._fetched = time.monotonic()
            except (httpx.HTTPError, ValueError) as error:
                log.warning("cannot fetch the signing keys: %s %s", type(error).__name__, error)
            wait_s = self._cool_down_s if self._keys else min(self._cool_down_s, FIRST_COOL_DOWN_S)
            self._next_fetch = time.monotonic() + wait_s

    async def _fetch(self) -> Mapping[str, Key]:
        response = await self._client.get(self._address, timeout=min(FETCH_TIMEOUT_S, deadline.for_next_hop()))
        response.raise_for_status()
        try:
            keys = {
                entry["kid"]: jwk.construct(entry, ALGORITHM) for entry in response.json()["keys"] if _usable(entry)
            }
        except (KeyError, TypeError, AttributeError, JOSEError) as error:
            raise ValueError("they are no JSON Web Key Set") from error
        if not keys:
            raise ValueError("there is none among them for RS256")
        return keys


def _usable(entry: Mapping[str, Any]) -> bool:
    return (
        entry["kty"] == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", ALGORITHM) == ALGORITHM
        and isinstance(entry.get("kid"), str)
        and len(entry["n"]) * 6 // 8 >= SMALLEST_KEY_BYTES  # base64
    )


class Tokens:
    """Verifies tokens: signature, issuer, audience and times. A good one is not verified again for some seconds."""

    def __init__(self, keys: SigningKeys, issuer: str, audience: str, cache_s: float) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._cache_s = cache_s
        self._verified: OrderedDict[bytes, tuple[Token, float]] = (
            OrderedDict()
        )  # by hash, with the time it is good until

    async def verify(self, text: str) -> Token:
        """Raises the 401 that says what is wrong with it."""
        if len(text) > LONGEST_TOKEN or not text.isascii():
            raise rejected("the token is malformed")
        digest = hashlib.sha256(text.encode()).digest()
        known = self._verified.get(digest)
        if known and time.time() < known[1]:
            return known[0]
        token = await self._verify(text)
        self._verified[digest] = token, min(token.expires, time.time() + self._cache_s)
        self._verified.move_to_end(digest)
        if len(self._verified) > MOST_CACHED_TOKENS:
            self._verified.popitem(last=False)
        return token

    async def _verify(self, text: str) -> Token:
        key = await self._keys.get(_key_id(text))
        if key is None:
            raise rejected("the token is signed with an unknown key")
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
                    "verify_at_hash": False,  # says something of another token
                },
            )
            return Token(_subject(claims), _permissions(claims), float(claims["exp"]))
        except ExpiredSignatureError:
            raise rejected("the token has expired") from None
        except JWTClaimsError as error:
            raise rejected(_CLAIM.get(str(error), "the token's claims cannot be accepted")) from None
        except (JOSEError, ValueError, TypeError, OverflowError, RecursionError):
            raise rejected("the token's signature or claims cannot be accepted") from None


# jose's sentences, as far as a user can do something about them.
_CLAIM = {
    "Invalid audience": "the token is not for this API",
    "Invalid issuer": "the token is from another issuer",
    "The token is not yet valid (nbf)": "the token is not valid yet",
}


def _key_id(text: str) -> str:
    """Whose signature it claims to bear. Anything but RS256 is refused here, before a key is looked at."""
    try:
        header = jwt.get_unverified_header(text)
    except (JOSEError, RecursionError):
        raise rejected("the token is malformed") from None
    if header.get("alg") != ALGORITHM or "crit" in header:
        raise rejected(f"the token must be signed with {ALGORITHM}")
    key_id = header.get("kid")
    if not isinstance(key_id, str):
        raise rejected("the token names no key")
    return key_id


def _subject(claims: Mapping[str, Any]) -> str:
    subject: str = claims["sub"]
    if not subject or not subject.isprintable():
        raise ValueError
    return subject


def _permissions(claims: Mapping[str, Any]) -> frozenset[str]:
    """Auth0 lists what a person may do under `permissions`, and what was asked for and granted under `scope`."""
    permissions, scope = claims.get("permissions", []), claims.get("scope", "")
    if not isinstance(permissions, list) or not isinstance(scope, str):
        raise ValueError
    return frozenset(map(str, permissions)) | frozenset(scope.split())


def rejected(description: str) -> Problem:
    """401 for a token that cannot be accepted (RFC 6750)."""
    challenge = f'{CHALLENGE}, error="invalid_token", error_description="{description}"'
    return Problem(401, description, headers={"WWW-Authenticate": challenge})


def missing() -> Problem:
    return Problem(401, "this needs an access token", headers={"WWW-Authenticate": CHALLENGE})


def forbidden(needed: frozenset[str]) -> Problem:
    scope = " ".join(sorted(needed))
    challenge = f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'
    return Problem(403, f"this needs the permission {scope}", headers={"WWW-Authenticate": challenge})


def http_client() -> AbstractAsyncContextManager[httpx.AsyncClient]:
    return httpx.AsyncClient(headers={"Accept": "application/json"})


def tokens(settings: GatewaySettings, client: httpx.AsyncClient) -> Tokens:
    address = settings.auth0_keys_url or f"{settings.auth0_url}/.well-known/jwks.json"
    keys = SigningKeys(address, client, settings.jwks_cool_down_s, settings.jwks_max_age_s)
    return Tokens(keys, f"{settings.auth0_url}/", settings.auth0_audience, settings.token_cache_s)
