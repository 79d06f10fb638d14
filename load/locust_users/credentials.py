"""The test accounts of the simulated members. Each member signs in with an account of their own.

SEEN_AUTH0_URL and SEEN_AUTH0_AUDIENCE name the identity provider; the local stand-in accepts visitor-1, visitor-2 and
so on. A tenant of Auth0 needs that many test accounts and an application with the password grant: its id is
SEEN_LOAD_CLIENT_ID, and {n} in SEEN_LOAD_USERNAME and SEEN_LOAD_PASSWORD stands for the number of the account.
"""

import itertools
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, Self
from urllib.parse import urlencode, urlsplit

# Each of Locust's workers reserves this many numbers, more than it can simulate members, because it does not know how
# many other workers there are.
ACCOUNTS_PER_WORKER = 100_000


@dataclass(frozen=True)
class Credentials:
    auth0_url: str
    audience: str
    client_id: str
    username: str
    password: str
    _count: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def from_env(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """If a variable is missing or malformed, prints its name and exits with 2."""
        url = variables.get("SEEN_AUTH0_URL", "")
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            _exit("SEEN_AUTH0_URL must be the identity provider's address: http://host:port or https://host")
        audience = variables.get("SEEN_AUTH0_AUDIENCE", "")
        if not audience:
            _exit("SEEN_AUTH0_AUDIENCE must be the audience of the API's tokens")
        username = variables.get("SEEN_LOAD_USERNAME", "visitor-{n}")
        if "{n}" not in username:
            _exit("SEEN_LOAD_USERNAME must contain {n}: each simulated member needs an account of their own")
        password = variables.get("SEEN_LOAD_PASSWORD", username)
        return cls(url.rstrip("/"), audience, variables.get("SEEN_LOAD_CLIENT_ID", "seen-cli"), username, password)

    def next_number(self, worker: int) -> int:
        """The number of an account that is not in use yet. Workers count from 0; without workers, `worker` is -1."""
        return max(worker, 0) * ACCOUNTS_PER_WORKER + next(self._count)

    def token_request(self, number: int) -> str:
        """The form to post to /oauth/token (RFC 6749, 4.3)."""
        return urlencode(
            {
                "grant_type": "password",
                "client_id": self.client_id,
                "audience": self.audience,
                "username": self.username.replace("{n}", str(number)),
                "password": self.password.replace("{n}", str(number)),
            }
        )


def _exit(reason: str) -> NoReturn:
    print(f"load test: {reason}", file=sys.stderr)
    sys.exit(2)
