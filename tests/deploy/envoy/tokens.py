"""Access tokens that the suite's identity provider would never issue, signed with its own key or with another."""

import json
import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from scripts.local.suite import AUDIENCE
from tests.end_to_end.suites import LocalSuite


def token(suite: LocalSuite, key: RSAKey | None = None, **claims: Any) -> str:
    """A good one of an administrator but for these claims, or for its key."""
    known = _signing_key(suite)
    now = int(time.time())
    good = {
        "iss": f"{suite.auth0_url}/",
        "aud": AUDIENCE,
        "sub": "auth0|somebody",
        "iat": now,
        "exp": now + 600,
        "permissions": ["write:item"],
    }
    return jwt.encode({"alg": "RS256", "kid": str(known.kid)}, good | claims, key or known, ["RS256"])


def _signing_key(suite: LocalSuite) -> RSAKey:
    (entry, *_) = json.loads((suite.folder / "local_auth0" / "signing-keys.json").read_text())
    return RSAKey.import_key(entry["jwk"])
