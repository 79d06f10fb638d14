"""How well the labels of items match those of a person's items: c_i in the formula of README.md."""

from collections.abc import Sequence

import numpy as np

from services.common import themes as common_themes
from services.taste.arrays import Doubles, Indices
from services.taste.domain import Mark, points
from services.taste.model import Model
from services.taste.terms import Terms

# Points of an item without labels that is added to the person's items, because the agreement of one or two items means
# little.
AGREEMENT_PRIOR = 4
# The match is proportional to this power of the agreement.
AGREEMENT_POWER = 4


class LabelMatch:
    """`match`: for each candidate, a cosine times the agreement of the person's items, from 0 to 1.

    Marks of the same type are compared by their source's labels, marks of other types by the shared themes. The two
    comparisons count in proportion to the numbers of marks: `share_of_type` is the share of the marks of the same type.
    """

    def __init__(
        self, model: Model, marks: Sequence[Mark], item_type: int, share_of_type: float, candidates: Indices
    ) -> None:
        self._model = model
        self._type = item_type
        same_type = [(mark.category, points(mark.seen, mark.liked)) for mark in marks if mark.ref[0] == item_type]
        other_types = [(mark.themes, points(mark.seen, mark.liked)) for mark in marks if mark.ref[0] != item_type]
        self._labels = _profile(model.labels, item_type, same_type) * share_of_type
        self._themes = _profile(model.themes, item_type, other_types) * (1 - share_of_type)
        self.match: Doubles = _cosine(model.labels, self._labels, candidates) + _cosine(
            model.themes, self._themes, candidates
        )

    def theme(self, position: int) -> str:
        """The theme with the largest part in the item's match; empty if the match is 0."""
        parts: dict[str, float] = {}
        labels, themes = self._model.labels, self._model.themes
        for term in labels.items[position]:
            part = self._labels[term] * labels.idf[term] / labels.lengths[position]
            words = common_themes.themes(self._type, (labels.names[term],))  # type: ignore[arg-type]  # an enum's number
            for word in words:
                parts[word] = parts.get(word, 0.0) + part / len(words)
        for term in themes.items[position]:
            word = themes.names[term]
            parts[word] = parts.get(word, 0.0) + self._themes[term] * themes.idf[term] / themes.lengths[position]
        best = max(parts, key=lambda word: parts[word], default="")
        return best if best and parts[best] > 0 else ""


def _profile(terms: Terms, item_type: int, marks: Sequence[tuple[Sequence[str], int]]) -> Doubles:
    """A vector over the terms: the direction of y, with the length R ** AGREEMENT_POWER. `marks`: words and points.

    y is the mean of the items' vectors, weighted by points, with AGREEMENT_PRIOR points of a vector of length 0. The
    items' vectors have the idf of their words and are scaled to length 1. R is the length of y, which measures how much
    the items agree ("mean resultant length" in directional statistics): it approaches 1 if many items have the same
    words, and is at most 1/sqrt(n) if n items have no word in common.
    """
    by_name = terms.by_name.get(item_type, {})
    rows = [[by_name[word] for word in words if word in by_name] for words, _ in marks]
    numbers = np.array([term for row in rows for term in row], np.intp)
    row_of_entry = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    points_of_marks = np.array([points_of_mark for _, points_of_mark in marks], np.float64)
    idf = terms.idf[numbers].astype(np.float64)
    lengths = np.sqrt(np.bincount(row_of_entry, idf**2, len(rows)))
    weights = points_of_marks / np.maximum(lengths, 1e-9) / (points_of_marks.sum() + AGREEMENT_PRIOR)
    mean: Doubles = np.bincount(numbers, idf * weights[row_of_entry], len(terms.names)).astype(np.float64)
    agreement = float(np.sqrt(mean @ mean))
    return mean * agreement ** (AGREEMENT_POWER - 1)


def _cosine(terms: Terms, profile: Doubles, positions: Indices) -> Doubles:
    """For each item, the cosine of its vector of idf and the profile, times the length of the profile."""
    entries, lengths = terms.items.entries(positions)
    products = (profile * terms.idf)[terms.items.values[entries]]
    rows = np.repeat(np.arange(len(positions)), lengths)
    return np.bincount(rows, products, len(positions)) / terms.lengths[positions]
