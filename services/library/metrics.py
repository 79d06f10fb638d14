"""Metrics of the library beside those of gRPC: empty suggestions, partial answers, and the suggestion model."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge

SUGGESTIONS = Counter(
    "seen_suggestions",
    'Item types that suggestions were chosen from; result is "some" or "empty".',
    ("type", "strategy", "result"),
)
ANSWERS_WITHOUT = Counter(
    "seen_answers_without", "Answers sent without this type's items because its dataset did not answer.", ("type",)
)

MODEL_READS = Counter(
    "seen_model_reads", 'Suggestion models read from the Spark connector; result is "used" or "damaged".', ("result",)
)
MODEL_TRAINED = Gauge(
    "seen_model_trained_timestamp_seconds", "When the suggestion model in use was trained; 0 before the first training."
)
MODEL_ITEMS = Gauge("seen_model_items", "Items with neighbours in the suggestion model in use.")


def create_series(types: Iterable[str], strategies: Iterable[str]) -> None:
    """Exports every series as 0 from the start: rate() misses the first increment of a new series."""
    for name in types:
        ANSWERS_WITHOUT.labels(name)
        for strategy in strategies:
            for result in ("some", "empty"):
                SUGGESTIONS.labels(name, strategy, result)
    for result in ("used", "damaged"):
        MODEL_READS.labels(result)


def count_suggestions(item_type: str, strategy: str, *, empty: bool) -> None:
    SUGGESTIONS.labels(item_type, strategy, "empty" if empty else "some").inc()


def count_answer_without(types: Iterable[str]) -> None:
    for name in types:
        ANSWERS_WITHOUT.labels(name).inc()


def count_model_read(*, damaged: bool) -> None:
    MODEL_READS.labels("damaged" if damaged else "used").inc()


def set_model(trained_at: float, items: int) -> None:
    """`trained_at` is in seconds since 1970."""
    MODEL_TRAINED.set(trained_at)
    MODEL_ITEMS.set(items)
