"""Metrics of the connector."""

import datetime
import time
from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

OUTCOMES = ("answered", "failed", "cancelled")

COMPUTING = Gauge("seen_spark_computing", "Computations of the question that are running now.", ("question",))
COMPUTATIONS = Counter("seen_spark_computations", "Computations ended.", ("question", "outcome"))
SECONDS = Histogram(
    "seen_spark_computation_seconds",
    "Time that a computation took, whatever became of it.",
    ("question",),
    buckets=(1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500),
)
AGE = Gauge("seen_spark_answer_age_seconds", "Age of the kept answer to the plain question.", ("question",))
STALE = Gauge("seen_spark_answer_stale", "1 while the kept answer to the plain question is out of date.", ("question",))


def begin(questions: Iterable[str]) -> None:
    """Shows every series from the start, as 0: rates are blind to a series' first count."""
    for question in questions:
        COMPUTING.labels(question)
        for outcome in OUTCOMES:
            COMPUTATIONS.labels(question, outcome)


def show_age(question: str, computed_at: datetime.datetime) -> None:
    computed = computed_at.timestamp()
    AGE.labels(question).set_function(lambda: time.time() - computed)
