"""Access tokens that the suite's identity provider would not issue, signed with its key or another one."""

import json
import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from scripts.local.suite import AUDIENCE
from tests.end_to_end.suites import LocalSuite


def token(suite: LocalSuite, key: RSAKey | None = None, **claims: Any) -> str:
    """An administrator's valid token, except for the given claims or key."""
    signing_key = _signing_key(suite)
    now = int(time.time())
    valid = {
        "iss": f"{suite.auth0_url}/",
        "aud": AUDIENCE,
        "sub": "auth0|somebody",
        "iat": now,
        "exp": now + 600,
        "permissions": ["write:item"],
    }
    return jwt.encode({"alg": "RS256", "kid": str(signing_key.kid)}, valid | claims, key or signing_key, ["RS256"])


def _signing_key(suite: LocalSuite) -> RSAKey:
    (entry, *_) = json.loads((suite.folder / "local_auth0" / "signing-keys.json").read_text())
    return RSAKey.import_key(entry["jwk"])
