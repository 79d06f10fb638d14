"""Metrics of the library: what an answer lacked, which its status does not say."""

from collections.abc import Iterable

from prometheus_client import Counter

from seen.v1.types_pb2 import ItemType

SUGGESTIONS = Counter(
    "seen_suggestions", 'Types suggested from, by whether anything was found: "some" or "empty".', ("type", "result")
)
WITHOUT = Counter(
    "seen_answers_without", "Answers sent without this type's items, because its dataset did not answer.", ("type",)
)


def begin(types: Iterable[ItemType]) -> None:
    """Shows every series from the start, as 0: rates are blind to a series' first count."""
    for name in map(ItemType.Name, types):
        WITHOUT.labels(name)
        for result in ("some", "empty"):
            SUGGESTIONS.labels(name, result)


def suggested(item_type: ItemType, found: bool) -> None:
    SUGGESTIONS.labels(ItemType.Name(item_type), "some" if found else "empty").inc()


def answered_without(item_type: ItemType) -> None:
    WITHOUT.labels(ItemType.Name(item_type)).inc()
