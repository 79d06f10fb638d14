"""How good a list of suggestions is, and how good a new model is for people that it was not trained on."""

from collections.abc import Iterable, Mapping, Sequence, Set

import numpy as np

from services.taste.domain import ItemRef, Mark
from services.taste.model import Model, Quality
from services.taste.rank import rank
from services.taste.score import Person

LENGTH = 10
# Fewer people give no meaningful figure; more do not make it more precise.
MIN_PEOPLE, MAX_PEOPLE = 20, 1000
# Of each person with at least MIN_MARKS, this share of the marks is hidden.
MIN_MARKS = 10
HIDDEN_SHARE = 0.2


def ndcg(hits: Sequence[bool], relevant: int) -> float:
    """Normalized discounted cumulative gain of a list's first LENGTH entries, 0 to 1.

    `hits`: for each entry, whether it is relevant. The ideal list begins with min(LENGTH, relevant) relevant entries;
    `relevant` is at least 1. Järvelin and Kekäläinen 2002, with gains of 0 and 1.
    """
    gain = sum(1 / np.log2(place + 2) for place, hit in enumerate(hits[:LENGTH]) if hit)
    return float(gain / sum(1 / np.log2(place + 2) for place in range(min(LENGTH, relevant))))


def recall(hits: Sequence[bool], relevant: int, length: int) -> float:
    """The share of the relevant items that are among the first `length`. `relevant` is at least 1."""
    return sum(hits[:length]) / relevant


def measure(model: Model, people: Iterable[Sequence[Mark]]) -> Mapping[int, Quality]:
    """By type. `people`: the marks of each person, newest first.

    The model must not have been trained on these people.
    """
    random = np.random.default_rng(0)
    scores: dict[int, list[tuple[float, float]]] = {}
    for marks in people:
        if len(marks) < MIN_MARKS:
            continue
        hidden = random.random(len(marks)) < HIDDEN_SHARE
        shown = [mark for mark, is_hidden in zip(marks, hidden, strict=True) if not is_hidden]
        hidden_likes: dict[int, set[ItemRef]] = {}
        for mark, is_hidden in zip(marks, hidden, strict=True):
            if is_hidden and mark.liked:
                hidden_likes.setdefault(mark.ref.type, set()).add(mark.ref)
        for item_type, relevant in hidden_likes.items():
            if len(scores.setdefault(item_type, [])) < MAX_PEOPLE:
                ranked = [entry.ref for entry in rank(Person(model, shown), item_type, LENGTH)]
                voted = _most_voted(model, item_type, {mark.ref for mark in shown})
                scores[item_type].append(
                    (
                        ndcg([ref in relevant for ref in ranked], len(relevant)),
                        ndcg([ref in relevant for ref in voted], len(relevant)),
                    )
                )
    return {
        item_type: Quality(len(of_type), *(float(mean) for mean in np.mean(of_type, axis=0)))
        for item_type, of_type in sorted(scores.items())
        if len(of_type) >= MIN_PEOPLE
    }


def _most_voted(model: Model, item_type: int, exclude: Set[ItemRef]) -> list[ItemRef]:
    refs = (model.ref(position) for position in model.most_voted.get(item_type, ()))
    return [ref for ref in refs if ref not in exclude][:LENGTH]
