"""Signs members in before a run and deletes their accounts after it. The report does not count these requests."""

import logging
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from locust import stats
from locust.contrib.fasthttp import FastHttpSession, FastResponse
from locust.env import Environment
from locust.event import EventHook

from load.locust_users.checks import expect
from load.locust_users.credentials import Credentials

log = logging.getLogger(__name__)

CREDENTIALS = Credentials.from_env()
TIMEOUT_S = 30.0
CONCURRENCY = 10

# Authorization headers of the members with an account, by username.
signed_in: dict[str, dict[str, str]] = {}
usernames: list[str] = []  # of these members; guests search for them
# A session with an event hook of its own, so that Locust does not count its requests.
_session = FastHttpSession(
    None,
    EventHook(),  # type: ignore[no-untyped-call]
    None,
    network_timeout=TIMEOUT_S,
    connection_timeout=TIMEOUT_S,
    concurrency=CONCURRENCY,
)


def sign_in(api: str, worker: int) -> dict[str, str]:
    """Signs in a member with a new account without marks; returns their header. Raises WrongAnswer if that fails."""
    number = CREDENTIALS.next_number(worker)
    token_response = _request(
        "POST",
        f"{CREDENTIALS.auth0_url}/oauth/token",
        {200},
        data=CREDENTIALS.token_request(number),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    header = {"Authorization": f"Bearer {token_response.json()['access_token']}"}
    username = f"visitor-{number}"
    # A killed run leaves accounts behind.
    _request("DELETE", f"{api}/user", {204, 404}, headers=header)
    _request("POST", f"{api}/user", {201}, json={"username": username}, headers=header)
    signed_in[username] = header
    usernames.append(username)
    return header


def delete_all(environment: Environment, **_: Any) -> None:
    """Deletes all members' accounts, and with them their likes. Called when all users have stopped."""
    usernames.clear()

    def delete(username: str) -> None:
        response = _session.delete(f"{environment.host}/user", headers=signed_in.pop(username))
        if response.status_code != 204:
            log.warning("the account of %s could not be deleted: %s", username, _outcome(response))

    # Locust has replaced threads by greenlets, which are cheap.
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        list(pool.map(delete, list(signed_in)))
    # Locust writes its tables once a second: wait for the last rows.
    time.sleep(stats.CSV_STATS_INTERVAL_SEC)


def _request(method: str, url: str, expected: Collection[int], **options: Any) -> FastResponse:
    response = _session.request(method, url, **options)
    expect(response.status_code in expected, f"{method} {url}: {_outcome(response)}")
    return response


def _outcome(response: FastResponse) -> str:
    """The status, or the error if there was no response."""
    return f"status {response.status_code}" if response.status_code else repr(getattr(response, "error", None))
