"""How often one caller may ask."""

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


def test_a_minutes_requests_may_come_at_once_and_no_more(clock: Clock) -> None:
    limited = RateLimit(3)
    assert [limited.take("ana")["RateLimit-Remaining"] for _ in range(3)] == ["2", "1", "0"]
    with pytest.raises(Problem) as problem:
        limited.take("ana")
    assert problem.value.status_code == 429
    assert (problem.value.headers or {})["Retry-After"] == "20"


def test_asking_too_early_costs_nothing(clock: Clock) -> None:
    limited = RateLimit(1)
    limited.take("ana")
    for _ in range(5):
        with pytest.raises(Problem):
            limited.take("ana")
    clock.now += 60
    limited.take("ana")


def test_callers_do_not_use_up_each_others(clock: Clock) -> None:
    limited = RateLimit(1)
    limited.take("ana")
    assert limited.take("rui")["RateLimit-Remaining"] == "0"


def test_callers_are_forgotten_where_there_are_too_many(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_CALLERS", 2)
    limited = RateLimit(1)
    for caller in ("ana", "rui", "eva", "ana"):
        limited.take(caller)
