"""The locustfile. Run from the repository root:
SEEN_AUTH0_URL=… SEEN_AUTH0_AUDIENCE=… locust -f load/locust_users/locustfile.py --host http://localhost:8080
"""

import logging
from typing import Any

from locust import events, stats
from locust.env import Environment

from load.locust_users import accounts
from load.locust_users.users import Guest, Member

__all__ = ["Guest", "Member"]

log = logging.getLogger(__name__)

stats.CSV_STATS_FLUSH_INTERVAL_SEC = 1  # the load test reads the files while they grow


def remember_failures(environment: Environment, **_: Any) -> None:
    """Records failures in the exit code and the log: --reset-stats removes those of the ramp-up from the tables."""
    logged: set[str] = set()

    def remember(request_type: str, name: str, exception: Exception | None, **_: Any) -> None:
        if exception:
            environment.process_exit_code = 1
            failure = f"{request_type} {name}: {exception}"
            if failure not in logged:
                logged.add(failure)
                log.warning("first failure of its kind: %s", failure)

    environment.events.request.add_listener(remember)  # type: ignore[no-untyped-call]


events.init.add_listener(remember_failures)  # type: ignore[no-untyped-call]
events.test_stop.add_listener(accounts.delete_all)  # type: ignore[no-untyped-call]
