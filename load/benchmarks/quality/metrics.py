"""Metrics of lists of suggestions. NDCG and recall are the functions of services/taste/measure.py."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from load.benchmarks.quality.data import Split
from services.taste.domain import ItemRef
from services.taste.measure import LENGTH, ndcg, recall

RECALL_LENGTH = 20


@dataclass(frozen=True)
class Figures:
    """Means over people of one type; `error` is the standard error of `ndcg`.

    `titles`: distinct items in all top tens. `novelty`: bits, -log2 of the share of training people who have marked an
    item. `diversity`: 1 minus the Jaccard index of the labels of two items of a list. `repeats`: share of a list that
    is also in a list with another seed.
    """

    people: int
    ndcg: float
    error: float
    recall: float
    titles: int
    novelty: float
    diversity: float
    repeats: float


def figures(
    splits: Sequence[Split],
    lists: Sequence[Sequence[ItemRef]],
    reseeded: Sequence[Sequence[ItemRef]],
    labels: Mapping[ItemRef, frozenset[str]],
    shares: Mapping[ItemRef, float],
) -> Figures:
    """`reseeded`: the lists with another seed. `shares`: of training people who have marked an item, above 0."""
    gains, recalls, bits, diversities, repeats = [], [], [], [], []
    for split, best, other_list in zip(splits, lists, reseeded, strict=True):
        hits = [ref in split.relevant for ref in best]
        gains.append(ndcg(hits, len(split.relevant)))
        recalls.append(recall(hits, len(split.relevant), RECALL_LENGTH))
        top = best[:LENGTH]
        if top:
            bits.append(_mean([-np.log2(shares[ref]) for ref in top]))
            repeats.append(len({*top} & {*other_list[:LENGTH]}) / len(top))
        if len(top) > 1:
            diversities.append(diversity([labels[ref] for ref in top]))
    return Figures(
        people=len(splits),
        ndcg=_mean(gains),
        error=_standard_error(gains),
        recall=_mean(recalls),
        titles=len({ref for best in lists for ref in best[:LENGTH]}),
        novelty=_mean(bits),
        diversity=_mean(diversities),
        repeats=_mean(repeats),
    )


def diversity(labels: Sequence[frozenset[str]]) -> float:
    """Mean over all pairs of 1 minus the Jaccard index; two items without labels are alike."""
    pairs = list(itertools.combinations(labels, 2))
    return float(np.mean([1 - len(one & other) / len(one | other) if one | other else 0.0 for one, other in pairs]))


def mean_of_draws(people: Sequence[str], gains: Sequence[float]) -> tuple[float, float, int]:
    """Mean, standard error and number of people. A person who occurs several times counts once, with their mean."""
    of_person: dict[str, list[float]] = {}
    for name, value in zip(people, gains, strict=True):
        of_person.setdefault(name, []).append(value)
    means = [_mean(values) for values in of_person.values()]
    return _mean(means), _standard_error(means), len(means)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _standard_error(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
