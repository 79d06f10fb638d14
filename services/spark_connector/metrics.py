"""Metrics of the Spark connector."""

import time
from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

OUTCOMES = ("answered", "failed", "cancelled")

COMPUTING = Gauge("seen_spark_computing", "Running computations of the question.", ("question",))
COMPUTATIONS = Counter("seen_spark_computations", "Computations that have ended.", ("question", "outcome"))
SECONDS = Histogram(
    "seen_spark_computation_seconds",
    "Duration of a computation, whatever its outcome.",
    ("question",),
    buckets=(1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500),
)
AGE = Gauge("seen_spark_answer_age_seconds", "Age of the stored answer to the default query.", ("question",))
STALE = Gauge("seen_spark_answer_stale", "1 while the stored answer to the default query is outdated.", ("question",))


def create_series(questions: Iterable[str]) -> None:
    """Exports every series as 0 from the start: rate() misses the first increment of a new series."""
    for question in questions:
        COMPUTING.labels(question)
        for outcome in OUTCOMES:
            COMPUTATIONS.labels(question, outcome)


def show_age(question: str, computed_at: float) -> None:
    """`computed_at` is in seconds since 1970."""
    AGE.labels(question).set_function(lambda: time.time() - computed_at)
