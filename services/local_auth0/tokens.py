"""Tokens with the claims that Auth0 issues for an API with role-based access control."""

import time
from typing import Any

from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from services.local_auth0.keys import Keys
from services.local_auth0.tenant import Client, User

OPENID_SCOPES = ("openid", "profile", "email")
# Values of the `gty` claim by grant type. Tokens issued after a sign-in in a browser have no such claim.
GRANT_NAMES = {"password": "password", "client_credentials": "client-credentials"}
ALGORITHM = "RS256"


class Tokens:
    def __init__(self, keys: Keys, issuer: str, audience: str, lifetime_s: int) -> None:
        self._keys = keys
        self._issuer = issuer
        self._userinfo = f"{issuer}userinfo"
        self._audience = audience
        self._lifetime_s = lifetime_s

    def issue(
        self, grant_type: str, client: Client, user: User | None = None, scope: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """A token response without its id token; authlib determines the parameters' names."""
        permissions = user.permissions if user else client.permissions
        granted = _granted(scope, permissions, all_by_default=grant_type in GRANT_NAMES)
        if not user:
            granted = [name for name in granted if name not in OPENID_SCOPES]
        claims = {
            "sub": user.subject if user else f"{client.client_id}@clients",
            # Auth0 writes a single audience as a plain string.
            "aud": [self._audience, self._userinfo] if "openid" in granted else self._audience,
            "azp": client.client_id,
            "permissions": list(permissions),
        }
        if granted:
            claims["scope"] = " ".join(granted)
        if grant_type in GRANT_NAMES:
            claims["gty"] = GRANT_NAMES[grant_type]
        token = {"access_token": self._sign(claims), "token_type": "Bearer", "expires_in": self._lifetime_s}
        return token | ({"scope": claims["scope"]} if granted else {})

    def id_token(self, client: Client, user: User, scope: str, access_token: str | None, **claims: Any) -> str:
        """`claims` are those of the sign-in (nonce, auth_time); those that are None are left out."""
        if access_token:
            claims["at_hash"] = create_half_hash(access_token, ALGORITHM).decode()
        present = {name: value for name, value in claims.items() if value is not None}
        return self._sign(user.claims(scope) | {"aud": client.client_id} | present)

    def userinfo_claims(self, access_token: str) -> dict[str, Any] | None:
        """The claims of a token that /userinfo accepts; None for any other."""
        expected = JWTClaimsRegistry(
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._userinfo},
            exp={"essential": True},
        )
        try:
            claims = jwt.decode(access_token, self._keys.published(), algorithms=[ALGORITHM]).claims
            expected.validate(claims)
        except (JoseError, ValueError):
            return None
        return dict(claims)

    def _sign(self, claims: dict[str, Any]) -> str:
        key = self._keys.signing()
        now = int(time.time())
        lifetime = {"iss": self._issuer, "iat": now, "exp": now + self._lifetime_s}
        return jwt.encode({"alg": ALGORITHM, "kid": str(key.kid)}, lifetime | claims, key, [ALGORITHM])


def _granted(scope: str | None, permissions: tuple[str, ...], all_by_default: bool) -> list[str]:
    """The requested scopes that are permitted. `all_by_default`: a request without API scopes gets all of them."""
    requested = dict.fromkeys((scope or "").split())
    granted = [name for name in requested if name in OPENID_SCOPES or name in permissions]
    if all_by_default and not any(name not in OPENID_SCOPES for name in requested):
        granted += permissions
    return granted
