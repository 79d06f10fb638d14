"""Signing in and leaving: what surrounds a run, and counts in none of its figures."""

import logging
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from locust import stats
from locust.contrib.fasthttp import FastHttpSession, FastResponse
from locust.env import Environment
from locust.event import EventHook

from load.locust_users import people
from load.locust_users.checks import expect

log = logging.getLogger(__name__)

WHO = people.of_environment()
FORM = "application/x-www-form-urlencoded"
TIMEOUT_S = 30.0
AT_ONCE = 10  # of all that sign in or leave

# Members with an account, by username, and what identifies them: whom a search can find.
signed_in: dict[str, dict[str, str]] = {}
# Nobody listens to its events, so that no table counts its requests.
_session = FastHttpSession(
    None,
    EventHook(),  # type: ignore[no-untyped-call]
    None,
    network_timeout=TIMEOUT_S,
    connection_timeout=TIMEOUT_S,
    concurrency=AT_ONCE,
)


def sign_in(api: str, worker: int) -> dict[str, str]:
    """Somebody new, with a named account without marks; returns their header. Raises Wrong where it cannot be done."""
    number = WHO.next(worker)
    form = {"Content-Type": FORM}
    answer = _ask("POST", f"{WHO.auth0_url}/oauth/token", {200}, data=WHO.credentials(number), headers=form)
    header = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    username = f"visitor-{number}"
    # An earlier run may have been killed before they could leave.
    _ask("DELETE", f"{api}/user", {204, 404}, headers=header)
    _ask("POST", f"{api}/user", {201}, json={"username": username}, headers=header)
    signed_in[username] = header
    return header


def leave(environment: Environment, **_: Any) -> None:
    """Everybody deletes their account, so that no like of theirs stays behind. Once all users have stopped."""

    def delete(username: str) -> None:
        answer = _session.delete(f"{environment.host}/user", headers=signed_in.pop(username))
        if answer.status_code != 204:
            log.warning("%s could not leave: %s", username, _told(answer))

    # Locust has made greenlets of threads, so these cost little, and sleeping lets others run.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(delete, list(signed_in)))
    # The tables that Locust writes once a second get what came last.
    time.sleep(stats.CSV_STATS_INTERVAL_SEC)


def _ask(method: str, url: str, expected: Collection[int], **options: Any) -> FastResponse:
    answer = _session.request(method, url, **options)
    expect(answer.status_code in expected, f"{method} {url}: {_told(answer)}")
    return answer


def _told(answer: FastResponse) -> str:
    """Why it is not what was expected: its status, or what kept it from coming at all."""
    return f"status {answer.status_code}" if answer.status_code else repr(getattr(answer, "error", None))
