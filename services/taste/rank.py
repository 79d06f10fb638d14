"""Ranks the items of one type for a person, and says why. Needs numpy only."""

from collections.abc import Set
from dataclasses import dataclass

import numpy as np

from services.taste import rerank
from services.taste.arrays import Doubles, Indices
from services.taste.domain import ItemRef
from services.taste.score import Person, Reason, Scores, positions

# The best items are looked for among this many, for each item that is asked for and in addition.
DEPTH, MIN_DEPTH = 5, 50


@dataclass(frozen=True)
class Ranked:
    """`score` is without noise and comparable within one call only."""

    ref: ItemRef
    score: float
    reason: Reason


def rank(
    person: Person,
    item_type: int,
    amount: int,
    *,
    seed: int | None = None,
    exclude: Set[ItemRef] = frozenset(),
) -> list[Ranked]:
    """At most `amount` items of the type that are neither marked nor excluded, best first.

    Without a seed the order is that of the scores; with one it is slightly random, and the same for the same seed,
    model and marks. The model may name items that have been deleted since: ask for more than are needed.
    """
    model = person.model
    candidates = _candidates(person, item_type, positions(model, exclude))
    if not len(candidates):
        return []
    depth = DEPTH * amount + MIN_DEPTH
    scores = Scores(person, item_type, candidates, depth)
    candidates = scores.candidates
    order = np.log(np.maximum(scores.total, 1e-12))
    if seed is not None:
        order += rerank.noise(seed, item_type, candidates)
    return [
        Ranked(model.ref(int(candidates[number])), float(scores.total[number]), scores.reason(number))
        for number in rerank.spread(model, candidates, _largest(order, depth), amount)
    ]


def _candidates(person: Person, item_type: int, excluded: Indices) -> Indices:
    """Neighbours of the marks, the most liked and the most voted items, without the marked and excluded ones."""
    model = person.model
    chosen = person.from_neighbours > 0
    for top in (model.most_liked, model.most_voted):
        if item_type in top:
            chosen[top[item_type]] = True
    for hidden in (person.marked, excluded):
        chosen[hidden[hidden >= 0]] = False
    return np.flatnonzero(chosen & (model.types == item_type))


def _largest(values: Doubles, count: int) -> Indices:
    """The numbers of the `count` largest values and of those equal to the last, largest first."""
    among = np.arange(len(values))
    if count < len(values):
        among = np.flatnonzero(values >= np.partition(values, -count)[-count])
    return among[np.argsort(-values[among], kind="stable")]
