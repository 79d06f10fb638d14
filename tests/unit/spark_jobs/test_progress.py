"""What a job says while it runs."""

import threading

import pytest

from spark_jobs import progress
from spark_jobs.progress import Progress


def test_the_share_never_goes_back(capsys: pytest.CaptureFixture[str]) -> None:
    told = Progress()
    told.say("reading", 0.5)
    told.say("reading", 0.2)
    told.say("counting", 0.4)
    assert capsys.readouterr().out == '{"stage": "reading", "share": 0.5}\n{"stage": "counting", "share": 0.5}\n'


def test_a_failure_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    told = Progress()
    told.say("reading", 0.25)
    told.failed("there is no title.crew")
    assert capsys.readouterr().out.splitlines()[-1] == (
        '{"stage": "failed", "share": 0.25, "error": "there is no title.crew"}'
    )


def test_a_long_stage_is_told_as_it_goes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "INTERVAL_S", 0.001)
    shares = iter([0.5, 1.0])
    asked_enough = threading.Event()

    def part() -> float:
        share = next(shares, None)
        if share is None:
            asked_enough.set()
        return share or 1.0

    with Progress().stage("reading", 0.0, 0.5, part):
        asked_enough.wait(10)
    assert capsys.readouterr().out.splitlines() == [
        '{"stage": "reading", "share": 0.0}',
        '{"stage": "reading", "share": 0.25}',
        '{"stage": "reading", "share": 0.5}',
    ]
