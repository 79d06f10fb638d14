"""The statements of a question, and the order they are run in."""

from collections.abc import Mapping
from typing import Any

import pytest

from spark_jobs import best_director, most_connected
from spark_jobs.engine import Engine, Lines
from spark_jobs.progress import Progress
from spark_jobs.question import Question, steps


class Noting(Engine):
    """Answers nothing, and notes what it was asked."""

    version = "none"
    share = 0.5

    def __init__(self) -> None:
        self.asked: list[str] = []

    def keep(self, table: str, sql: str) -> int:
        self.asked.append(sql)
        return 0

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        self.asked.append(sql)
        return []

    def lines(self) -> Mapping[str, Lines]:
        return {}


@pytest.mark.parametrize(
    ("file", "plan"),
    [
        ("best_director", best_director.PLAN),
        ("most_connected", most_connected.PRUNED),
        ("most_connected", most_connected.ALL_PAIRS),
    ],
)
def test_every_step_that_is_planned_has_a_statement(file: str, plan: tuple[str, ...]) -> None:
    found = steps(file, "names")
    for name in plan:
        assert found[name].sql.split("\n")[-1]
        assert found[name].weight > 0


def test_a_statement_gets_its_values() -> None:
    engine = Noting()
    Question(engine, Progress(), "best_director", best_director.PLAN).keep("rated", min_votes=500)
    assert "WHERE votes >= 500" in engine.asked[0]


def test_names_of_nobody_are_not_looked_up() -> None:
    engine = Noting()
    assert Question(engine, Progress(), "best_director", best_director.PLAN).names([]) == {}
    assert engine.asked == []


def test_progress_goes_from_step_to_step(capsys: pytest.CaptureFixture[str]) -> None:
    question = Question(Noting(), Progress(), "most_connected", ["principals", "everyone", "names"])
    question.keep("principals")
    question.rows("everyone", places=1)
    assert capsys.readouterr().out.splitlines() == [
        '{"stage": "reading who worked on what", "share": 0.0}',
        '{"stage": "counting everyone\'s co-workers", "share": 0.37}',
    ]
