"""The rate limit of each caller."""

import pytest

from services.gateway.http import rate_limit
from services.gateway.http.problems import Problem
from services.gateway.http.rate_limit import RateLimit


class Clock:
    now = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", lambda: clock.now)
    return clock


def test_a_caller_may_send_one_minutes_requests_at_once(clock: Clock) -> None:
    limited = RateLimit(3)
    assert [limited.take("ana")["RateLimit-Remaining"] for _ in range(3)] == ["2", "1", "0"]
    with pytest.raises(Problem) as problem:
        limited.take("ana")
    assert problem.value.status_code == 429
    assert (problem.value.headers or {})["Retry-After"] == "20"


def test_refused_requests_are_not_counted(clock: Clock) -> None:
    limited = RateLimit(1)
    limited.take("ana")
    for _ in range(5):
        with pytest.raises(Problem):
            limited.take("ana")
    clock.now += 60
    limited.take("ana")


def test_callers_have_separate_limits(clock: Clock) -> None:
    limited = RateLimit(1)
    limited.take("ana")
    assert limited.take("rui")["RateLimit-Remaining"] == "0"


def test_the_number_of_remembered_callers_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_CALLERS", 2)
    limited = RateLimit(1)
    for caller in ("ana", "rui", "eva", "ana"):
        limited.take(caller)
