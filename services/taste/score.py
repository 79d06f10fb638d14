"""The score of items for a person, and its largest term as the reason. README.md has the formula and its symbols."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from services.taste.arrays import Doubles, Indices
from services.taste.domain import ItemRef, Mark
from services.taste.label_match import LabelMatch
from services.taste.model import Model

# Only the newest marks are read.
MAX_MARKS = 200
# w_j
LIKED_WEIGHT, SEEN_WEIGHT = 1.0, 0.3
# The terms of popularity and labels are halved with this many marks of the type.
MARKS_AT_HALF = 20
# p_i is smoothed with PRIOR_PEOPLE people, of whom the share VOTERS_WHO_LIKE * v_i like the item.
POPULARITY_WEIGHT = 0.4
PRIOR_PEOPLE, VOTERS_WHO_LIKE = 50, 0.1
# t: the weight of labels with many training people, and the addition without any, or without a mark of the type: labels
# help less than neighbours do.
LABEL_WEIGHT, LABEL_WEIGHT_ALONE = 0.8, 4.0
# With this many marks of any type, the term of labels has half of its weight.
LABEL_MARKS_AT_HALF = 3
# The penalty of popular items: its power with many marks of the type, and the number of marks with half of this power.
PENALTY_POWER, PENALTY_MARKS_AT_HALF = 0.3, 10
PENALTY_OFFSET = 0.05
# Noise (rerank.py) changes the order of two items whose ln(score) differs by more than this once in 10,000 times.
NOISE_RANGE = 1.0
MAX_REASON_ITEMS = 3


@dataclass(frozen=True)
class Reason:
    """The largest term of the score: neighbours of `items`, or labels of `theme`, or else popularity.

    `items`: up to three of the person's, with the largest contributions, largest first. `seen` and `liked`: how many of
    the marks have the theme.
    """

    items: tuple[ItemRef, ...] = ()
    theme: str = ""
    seen: int = 0
    liked: int = 0

    @property
    def popular(self) -> bool:
        return not self.items and not self.theme


class Person:
    """A person's marks, and the terms of their neighbours, which all types have in common.

    The arrays `sources`, `targets` and `contributions` have an entry for each neighbour of each mark: the number of the
    mark, the neighbour's position, and w_j * E(j, i). `marks` are newest first.
    """

    def __init__(self, model: Model, marks: Sequence[Mark]) -> None:
        self.model = model
        self.marks = marks[:MAX_MARKS]
        self.marked = positions(model, [mark.ref for mark in marks])
        self.marks_by_type = Counter(mark.ref[0] for mark in self.marks)
        read = self.marked[: len(self.marks)]
        numbers = np.flatnonzero(read >= 0)
        liked = np.array([mark.liked for mark in self.marks], bool)
        entries, lengths = model.neighbours.entries(read[numbers])
        weights = np.where(liked[numbers], LIKED_WEIGHT, SEEN_WEIGHT)
        self.sources: Indices = np.repeat(numbers, lengths)
        self.targets: Indices = model.neighbours.values[entries].astype(np.intp)
        self.contributions: Doubles = np.repeat(weights, lengths) * model.weights[entries].astype(np.float64)
        # By position: the term of the neighbours.
        self.from_neighbours = np.bincount(self.targets, self.contributions, len(model.ids))


class Scores:
    """The scores of the candidates, which are positions of items of one type, and the terms of each.

    Labels are compared only for candidates that may be among the best `depth`; the others are dropped.
    """

    def __init__(self, person: Person, item_type: int, candidates: Indices, depth: int) -> None:
        model = person.model
        self._person = person
        marks, marks_of_type = len(person.marks), person.marks_by_type[item_type]
        people = model.people_by_type.get(item_type, 0)
        share_of_prior = PRIOR_PEOPLE / (people + PRIOR_PEOPLE)
        votes = model.votes[candidates].astype(np.float64)
        popularity = share_of_prior * (model.likes[candidates] / PRIOR_PEOPLE + VOTERS_WHO_LIKE * votes)

        from_neighbours = person.from_neighbours[candidates]
        without_marks = MARKS_AT_HALF / (marks_of_type + MARKS_AT_HALF)
        from_popularity = without_marks * POPULARITY_WEIGHT * popularity
        # Without a mark of the type, its neighbours say little, however many people there are.
        label_weight = LABEL_WEIGHT + LABEL_WEIGHT_ALONE * (share_of_prior if marks_of_type else 1.0)
        most_from_labels = (
            without_marks * label_weight * marks / (marks + LABEL_MARKS_AT_HALF) * votes
        )  # for a match of 1
        penalty_power = PENALTY_POWER * marks_of_type / (marks_of_type + PENALTY_MARKS_AT_HALF)
        penalty = (popularity + PENALTY_OFFSET) ** penalty_power

        best = _may_be_best(from_neighbours + from_popularity, most_from_labels, penalty, depth)
        self.candidates = candidates[best]
        self.from_neighbours, self.from_popularity = from_neighbours[best], from_popularity[best]
        share_of_type = marks_of_type / max(marks, 1)
        self._labels = LabelMatch(model, person.marks, item_type, share_of_type, self.candidates)
        self.from_labels = most_from_labels[best] * self._labels.match
        self.total: Doubles = (self.from_neighbours + self.from_popularity + self.from_labels) / penalty[best]

    def reason(self, number: int) -> Reason:
        """The reason for the candidate with this number."""
        neighbours, popularity, labels = (
            term[number] for term in (self.from_neighbours, self.from_popularity, self.from_labels)
        )
        person, position = self._person, self.candidates[number]
        if neighbours > 0 and neighbours >= max(popularity, labels):
            entries = np.flatnonzero(person.targets == position)
            strongest = entries[np.argsort(-person.contributions[entries], kind="stable")][:MAX_REASON_ITEMS]
            return Reason(items=tuple(person.marks[person.sources[entry]].ref for entry in strongest))
        theme = self._labels.theme(position) if labels > popularity else ""
        if not theme:
            return Reason()
        having = [mark for mark in person.marks if theme in mark.themes]
        return Reason((), theme, sum(mark.seen for mark in having), sum(mark.liked for mark in having))


def positions(model: Model, refs: Iterable[ItemRef]) -> Indices:
    """-1 for items that the model does not know."""
    return np.array([model.positions.get(ref, -1) for ref in refs], np.intp)


def _may_be_best(without_labels: Doubles, most_from_labels: Doubles, penalty: Doubles, depth: int) -> Indices:
    """The numbers of the candidates that labels or noise can bring among the best `depth`."""
    if len(penalty) <= depth:
        return np.arange(len(penalty))
    least, most = without_labels / penalty, (without_labels + most_from_labels) / penalty
    worst_of_best = np.partition(least, -depth)[-depth]
    return np.flatnonzero(most >= worst_of_best * np.exp(-NOISE_RANGE))
