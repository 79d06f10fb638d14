"""Who the simulated people are. Each signs in once, as somebody nobody else is, so that their marks are their own.

SEEN_AUTH0_URL and SEEN_AUTH0_AUDIENCE say where; the stand-in knows visitor-1, visitor-2… by their names. A tenant of
Auth0 needs as many test accounts, and an application with the password grant: SEEN_LOAD_CLIENT_ID, and in
SEEN_LOAD_USERNAME and SEEN_LOAD_PASSWORD what they are called, with {n} in the place of the number.
"""

import itertools
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import urlencode, urlsplit

# Numbers for each of Locust's workers: none of them knows how many there are.
PER_WORKER = 10_000
WRONG_SETTING = 2


@dataclass(frozen=True)
class People:
    auth0_url: str
    audience: str
    client_id: str
    username: str
    password: str
    _count: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def next(self, worker: int) -> int:
        """The number of somebody who has not signed in yet. Workers count from 0."""
        return max(worker, 0) * PER_WORKER + next(self._count)

    def credentials(self, number: int) -> str:
        """The body of a request to /oauth/token (RFC 6749, 4.3)."""
        return urlencode(
            {
                "grant_type": "password",
                "client_id": self.client_id,
                "audience": self.audience,
                "username": self.username.replace("{n}", str(number)),
                "password": self.password.replace("{n}", str(number)),
            }
        )


def of_environment(variables: Mapping[str, str] = os.environ) -> People:
    """Ends the program where a variable is missing or wrong."""
    url = variables.get("SEEN_AUTH0_URL") or _stop("SEEN_AUTH0_URL is missing: the identity provider's address")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        _stop("SEEN_AUTH0_URL must read http://host:port or https://host")
    audience = variables.get("SEEN_AUTH0_AUDIENCE") or _stop(
        "SEEN_AUTH0_AUDIENCE is missing: the audience that tokens must be for"
    )
    username = variables.get("SEEN_LOAD_USERNAME", "visitor-{n}")
    if "{n}" not in username:
        _stop("SEEN_LOAD_USERNAME must hold {n}: each simulated person needs an account of their own")
    return People(
        url.rstrip("/"),
        audience,
        variables.get("SEEN_LOAD_CLIENT_ID", "seen-cli"),
        username,
        variables.get("SEEN_LOAD_PASSWORD", username),
    )


def _stop(why: str) -> NoReturn:
    print(f"load: {why}", file=sys.stderr)
    sys.exit(WRONG_SETTING)
