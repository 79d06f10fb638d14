"""Access tokens with the claims that Auth0 issues for an API with role-based access control."""

import time
from typing import Any

from joserfc import jwt

from services.local_auth0.keys import ALGORITHM, Keys
from services.local_auth0.tenant import Client, User

# Values of the `gty` claim by grant type. Tokens issued after a sign-in in a browser have no such claim.
GRANT_NAMES = {"password": "password", "client_credentials": "client-credentials"}


class Tokens:
    def __init__(self, keys: Keys, issuer: str, audience: str, lifetime_s: int) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._lifetime_s = lifetime_s

    def issue(
        self, grant_type: str, client: Client, user: User | None = None, scope: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """A token response; authlib determines the parameters' names. Requested scopes that are no permission of the
        user or client are ignored."""
        permissions = user.permissions if user else client.permissions
        requested = (scope or "").split()
        if not requested and grant_type in GRANT_NAMES:
            granted = permissions
        else:
            granted = tuple(name for name in permissions if name in requested)
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "sub": user.subject if user else f"{client.client_id}@clients",
            "aud": self._audience,
            "azp": client.client_id,
            "iat": now,
            "exp": now + self._lifetime_s,
            "permissions": list(permissions),
        }
        response = {"token_type": "Bearer", "expires_in": self._lifetime_s}
        if granted:
            claims["scope"] = response["scope"] = " ".join(granted)
        if grant_type in GRANT_NAMES:
            claims["gty"] = GRANT_NAMES[grant_type]
        return {"access_token": self._sign(claims)} | response

    def _sign(self, claims: dict[str, Any]) -> str:
        key = self._keys.signing()
        return jwt.encode({"alg": ALGORITHM, "kid": str(key.kid)}, claims, key, [ALGORITHM])
