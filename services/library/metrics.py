"""Metrics of the library: types missing from an answer, which its status code does not show."""

from collections.abc import Iterable

from prometheus_client import Counter

SUGGESTIONS = Counter(
    "seen_suggestions", 'Item types that suggestions were drawn from; result is "some" or "empty".', ("type", "result")
)
ANSWERS_WITHOUT = Counter(
    "seen_answers_without", "Answers sent without this type's items because its dataset did not answer.", ("type",)
)


def create_series(types: Iterable[str]) -> None:
    """Exports every series as 0 from the start: rate() misses the first increment of a new series."""
    for name in types:
        ANSWERS_WITHOUT.labels(name)
        for result in ("some", "empty"):
            SUGGESTIONS.labels(name, result)


def count_suggestions(item_type: str, *, empty: bool) -> None:
    SUGGESTIONS.labels(item_type, "empty" if empty else "some").inc()


def count_answer_without(types: Iterable[str]) -> None:
    for name in types:
        ANSWERS_WITHOUT.labels(name).inc()
