"""The steps of a question, and their progress."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from spark_jobs import best_director, most_connected, steps
from spark_jobs.engine import LineCounts
from spark_jobs.steps import Progress, Steps, read_steps


class RecordingEngine:
    """Records its statements; their results are empty."""

    version = "none"
    progress = 0.5

    def __init__(self) -> None:
        self.statements: list[str] = []

    def create_table(self, name: str, sql: str) -> int:
        self.statements.append(sql)
        return 0

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        self.statements.append(sql)
        return []

    def write_parquet(self, uri: str, sql: str) -> None:
        self.statements.append(sql)

    def exists(self, path: str) -> bool:
        return False

    def create_views(self, paths: Mapping[str, str]) -> None: ...

    def line_counts(self) -> Mapping[str, LineCounts]:
        return {}

    def write(self, path: str, text: str) -> None: ...


@pytest.mark.parametrize(
    ("file", "plan"),
    [
        ("best_director", best_director.PLAN),
        ("most_connected", most_connected.PRUNED),
        ("most_connected", most_connected.ALL_PAIRS),
    ],
)
def test_every_planned_step_has_a_statement(file: str, plan: tuple[str, ...]) -> None:
    planned = read_steps(file, "names")
    for name in plan:
        assert planned[name].sql.split("\n")[-1]
        assert planned[name].weight > 0


def test_values_are_filled_in() -> None:
    engine = RecordingEngine()
    Steps(engine, Progress(), "best_director", best_director.PLAN).create_table("rated", min_votes=500)
    assert "WHERE votes >= 500" in engine.statements[0]


def test_names_are_not_looked_up_for_nobody() -> None:
    engine = RecordingEngine()
    assert Steps(engine, Progress(), "best_director", best_director.PLAN).names([]) == {}
    assert engine.statements == []


def test_each_step_reports_its_stage_and_the_progress_so_far(capsys: pytest.CaptureFixture[str]) -> None:
    running = Steps(RecordingEngine(), Progress(), "most_connected", ["principals", "everyone", "names"])
    running.create_table("principals")
    running.rows("everyone", limit=1)
    assert capsys.readouterr().out.splitlines() == [
        '{"stage": "reading the credits", "progress": 0.0}',
        '{"stage": "counting everyone\'s co-workers", "progress": 0.37}',
    ]


def test_progress_never_decreases(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.report("reading", 0.5)
    progress.report("reading", 0.2)
    progress.report("counting", 0.4)
    assert capsys.readouterr().out.splitlines() == [
        '{"stage": "reading", "progress": 0.5}',
        '{"stage": "counting", "progress": 0.5}',
    ]


def test_a_failure_has_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.report("reading", 0.25)
    progress.failed("there is no title.crew")
    assert capsys.readouterr().out.splitlines()[-1] == (
        '{"stage": "failed", "progress": 0.25, "error": "there is no title.crew"}'
    )


def test_a_long_step_reports_its_progress(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(steps, "INTERVAL_S", 0.001)
    parts = iter([0.5, 1.0])
    exhausted = threading.Event()

    def part() -> float:
        value = next(parts, None)
        if value is None:
            exhausted.set()
        return value or 1.0

    with Progress().stage("reading", 0.0, 0.5, part):
        exhausted.wait(10)
    assert capsys.readouterr().out.splitlines() == [
        '{"stage": "reading", "progress": 0.0}',
        '{"stage": "reading", "progress": 0.25}',
        '{"stage": "reading", "progress": 0.5}',
    ]
