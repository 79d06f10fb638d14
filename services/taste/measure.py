"""How good a list of suggestions is, and how good a new model is for people that it was not trained on."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from services.taste.model import ItemRef, Model, Quality
from services.taste.rank import Mark, rank

LENGTH = 10
# Fewer people give no figure that means something; more give no better one.
MIN_PEOPLE, MAX_PEOPLE = 20, 1000
# A fifth of the marks of somebody with at least this many is hidden.
MIN_MARKS = 10
HIDDEN_SHARE = 0.2


def ndcg(hits: Sequence[bool], relevant: int, length: int = LENGTH) -> float:
    """Normalized discounted cumulative gain of a list's first `length` entries, 0 to 1.

    `hits`: for each entry, whether it is relevant. The ideal list begins with min(length, relevant) relevant entries;
    `relevant` is at least 1. Järvelin and Kekäläinen 2002, with gains of 0 and 1.
    """
    gain = sum(1 / np.log2(rank + 2) for rank, hit in enumerate(hits[:length]) if hit)
    return float(gain / sum(1 / np.log2(rank + 2) for rank in range(min(length, relevant))))


def recall(hits: Sequence[bool], relevant: int, length: int) -> float:
    """The share of the relevant items that are among the first `length`. `relevant` is at least 1."""
    return sum(hits[:length]) / relevant


def measure(model: Model, people: Collection[Sequence[Mark]], seed: int = 0) -> Mapping[int, Quality]:
    """By type. `people`: the marks of each person, newest first, none of them known to the model."""
    random = np.random.default_rng(seed)
    scores: dict[int, list[tuple[float, float]]] = {}
    for marks in people:
        if len(marks) < MIN_MARKS:
            continue
        hidden = random.random(len(marks)) < HIDDEN_SHARE
        known = [mark for mark, is_hidden in zip(marks, hidden, strict=True) if not is_hidden]
        liked: dict[int, set[tuple[int, str]]] = {}
        for mark, is_hidden in zip(marks, hidden, strict=True):
            if is_hidden and mark.liked:
                liked.setdefault(mark.ref[0], set()).add(mark.ref)
        for kind, relevant in liked.items():
            if len(scores.setdefault(kind, [])) < MAX_PEOPLE:
                best = [one.ref for one in rank(model, kind, known, LENGTH)]
                voted = most_voted(model, kind, {mark.ref for mark in known})
                scores[kind].append(
                    (
                        ndcg([ref in relevant for ref in best], len(relevant)),
                        ndcg([ref in relevant for ref in voted], len(relevant)),
                    )
                )
    return {
        kind: Quality(len(of_type), *(float(mean) for mean in np.mean(of_type, axis=0)))
        for kind, of_type in sorted(scores.items())
        if len(of_type) >= MIN_PEOPLE
    }


def most_voted(model: Model, item_type: int, known: Collection[tuple[int, str]]) -> list[ItemRef]:
    refs = (model.ref(position) for position in model.most_voted.get(item_type, ()))
    return [ref for ref in refs if ref not in known][:LENGTH]
