"""Ranks the items of one type for a person, and says why. The formula is in README.md. Needs numpy only."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.taste.model import ItemRef, Model, Terms, themes_of_label

# Only the newest marks are read.
MAX_MARKS = 200
LIKED_WEIGHT, SEEN_WEIGHT = 1.0, 0.3
LIKED_POINTS, SEEN_POINTS = 3, 1
# Standard deviations of ln(score), roughly, by which a seed changes the order.
NOISE = 0.1
# At most this many of ten consecutive items have the same rarest label.
MAX_ALIKE, ALIKE_WINDOW = 3, 10
MAX_REASON_ITEMS = 3

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Mark:
    """An item that the person has marked, with its labels and themes on that day. The model need not know the item."""

    ref: tuple[int, str]
    seen: bool
    liked: bool
    category: Sequence[str] = ()
    themes: Sequence[str] = ()


@dataclass(frozen=True)
class Reason:
    """The largest term of the score: neighbours of `items`, or the taste for `theme`, or else that many people like it.

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


@dataclass(frozen=True)
class Ranked:
    """`score` is without noise and comparable within one call only."""

    ref: ItemRef
    score: float
    reason: Reason


def rank(
    model: Model,
    item_type: int,
    marks: Sequence[Mark],
    amount: int,
    *,
    seed: int | None = None,
    exclude: AbstractSet[tuple[int, str]] = frozenset(),
) -> list[Ranked]:
    """At most `amount` items of the type that are neither marked nor excluded, best first.

    `marks`: newest first, of all types. Without a seed the order is that of the scores; with one it is slightly random,
    and the same for the same seed, model and marks. The model may name items that have been deleted since: ask for more
    than are needed.
    """
    newest = marks[:MAX_MARKS]
    scores = Scores(model, item_type, newest)
    hidden = [model.positions.get((ref[0], ref[1]), -1) for ref in (*(mark.ref for mark in marks), *exclude)]
    candidates = scores.candidates(np.array(hidden, np.intp))
    order = np.log(np.maximum(scores.total[candidates], 1e-12))
    if seed is not None:
        order += NOISE * np.random.default_rng([seed, item_type]).gumbel(size=len(model.ids))[candidates]
    best = candidates[np.argsort(-order, kind="stable")]
    return [
        Ranked(model.ref(position), float(scores.total[position]), scores.reason(position))
        for position in _spread(model, best, amount)
    ]


class Scores:
    """The terms of the score of every item of the model; those of other types are not meaningful."""

    def __init__(self, model: Model, item_type: int, marks: Sequence[Mark]) -> None:
        self._model = model
        self._type = item_type
        self._marks = marks
        count = len(marks)
        count_of_type = sum(mark.ref[0] == item_type for mark in marks)
        prior_weight = 20 / (count_of_type + 20)
        people = model.people_by_type.get(item_type, 0)
        prior = (model.likes + 50 * 0.1 * model.votes.astype(np.float64)) / (people + 50)
        self._sources, self._targets, self._parts = self._gather()
        self.from_neighbours = np.bincount(self._targets, self._parts, len(model.ids))
        self.from_prior = prior_weight * 0.3 * prior
        self._taste = Taste(model, item_type, marks)
        self.from_taste = prior_weight * 0.1 * count / (count + 3) * self._taste.cosine * model.votes
        divisor = (prior + 0.05) ** (0.2 * count_of_type / (count_of_type + 10))
        self.total: Doubles = (self.from_neighbours + self.from_prior + self.from_taste) / divisor

    def candidates(self, hidden: NDArray[np.intp]) -> NDArray[np.intp]:
        """Neighbours of the marks, the most liked and the most voted items, without the hidden. -1 hides nothing."""
        chosen = self.from_neighbours > 0
        for top in (self._model.most_liked, self._model.most_voted):
            if self._type in top:
                chosen[top[self._type]] = True
        chosen &= self._model.types == self._type
        chosen[hidden[hidden >= 0]] = False
        return np.flatnonzero(chosen)

    def reason(self, position: int) -> Reason:
        neighbours, prior, taste = (part[position] for part in (self.from_neighbours, self.from_prior, self.from_taste))
        if neighbours > 0 and neighbours >= max(prior, taste):
            entries = np.flatnonzero(self._targets == position)
            strongest = entries[np.argsort(-self._parts[entries], kind="stable")][:MAX_REASON_ITEMS]
            return Reason(items=tuple(ItemRef(*self._marks[self._sources[entry]].ref) for entry in strongest))
        theme = self._taste.theme(position) if taste > prior else ""
        if not theme:
            return Reason()
        having = [mark for mark in self._marks if theme in mark.themes]
        return Reason((), theme, sum(mark.seen for mark in having), sum(mark.liked for mark in having))

    def _gather(self) -> tuple[NDArray[np.intp], NDArray[np.intp], Doubles]:
        """The neighbours of all marks: the number of the mark, the neighbour's position, and its part of the score."""
        model = self._model
        known = [
            (number, position) for number, mark in enumerate(self._marks) if (position := self._position(mark)) >= 0
        ]
        numbers = np.array([number for number, _ in known], np.intp)
        positions = np.array([position for _, position in known], np.intp)
        weight = np.array(
            [LIKED_WEIGHT if self._marks[number].liked else SEEN_WEIGHT for number, _ in known], np.float64
        )
        starts = model.neighbours.starts[positions].astype(np.intp)
        lengths = model.neighbours.starts[positions + 1] - starts
        entries = np.arange(lengths.sum()) + np.repeat(starts - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
        parts = np.repeat(weight, lengths) * model.weights[entries]
        return np.repeat(numbers, lengths), model.neighbours.values[entries].astype(np.intp), parts

    def _position(self, mark: Mark) -> int:
        return self._model.positions.get((mark.ref[0], mark.ref[1]), -1)


class Taste:
    """How well the labels of each item fit those of the person's items.

    Items of the same type are compared by their source's labels, items of other types by the shared themes. Either
    comparison is a cosine; they count in proportion to the numbers of marks.
    """

    def __init__(self, model: Model, item_type: int, marks: Sequence[Mark]) -> None:
        self._model = model
        self._type = item_type
        own = [(mark.category, _points(mark)) for mark in marks if mark.ref[0] == item_type]
        others = [(mark.themes, _points(mark)) for mark in marks if mark.ref[0] != item_type]
        share = len(own) / max(len(marks), 1)
        self._labels = _profile(model.labels, item_type, own) * share
        self._themes = _profile(model.themes, item_type, others) * (1 - share)
        self.cosine: Doubles = _cosine(model.labels, self._labels) + _cosine(model.themes, self._themes)

    def theme(self, position: int) -> str:
        """The theme with the largest part in the item's cosine; empty if it is 0."""
        parts: dict[str, float] = {}
        labels, themes = self._model.labels, self._model.themes
        for term in labels.items[position]:
            part = self._labels[term] * labels.idf[term] / labels.lengths[position]
            words = themes_of_label(self._type, labels.names[term])
            for word in words:
                parts[word] = parts.get(word, 0.0) + part / len(words)
        for term in themes.items[position]:
            word = themes.names[term]
            parts[word] = parts.get(word, 0.0) + self._themes[term] * themes.idf[term] / themes.lengths[position]
        best = max(parts, key=lambda word: parts[word], default="")
        return best if best and parts[best] > 0 else ""


def _points(mark: Mark) -> int:
    return SEEN_POINTS * mark.seen + LIKED_POINTS * mark.liked


def _profile(terms: Terms, item_type: int, marks: Sequence[tuple[Sequence[str], int]]) -> Doubles:
    """The person's points for each term of the type, times its idf, as a vector of length 1, or 0 without points."""
    profile = np.zeros(len(terms.names))
    for words, points in marks:
        for word in words:
            term = terms.by_name.get((item_type, word))
            if term is not None:
                profile[term] += points
    profile *= terms.idf
    length = np.sqrt(profile @ profile)
    return profile / length if length else profile


def _cosine(terms: Terms, profile: Doubles) -> Doubles:
    return terms.items.sums((profile * terms.idf)[terms.items.values]) / terms.lengths


def _spread(model: Model, best: NDArray[np.intp], amount: int) -> list[int]:
    """The first `amount`, with at most MAX_ALIKE of each ten having the same rarest label while there are others."""
    result: list[int] = []
    waiting: list[int] = []
    used: dict[int, int] = {}

    def take(position: int) -> bool:
        label = _rarest_label(model, position)
        if used.get(label, 0) >= MAX_ALIKE:
            return False
        if label >= 0:
            used[label] = used.get(label, 0) + 1
        result.append(position)
        if len(result) % ALIKE_WINDOW == 0:
            used.clear()
        return True

    for position in best.tolist():
        if len(result) >= amount:
            break
        # At the start of ten, those that were held back come first.
        if not used and waiting:
            waiting = [held for held in waiting if not take(held)]
        if not take(position):
            waiting.append(position)
    return (result + waiting)[:amount]


def _rarest_label(model: Model, position: int) -> int:
    """-1 if the item has no label."""
    terms = model.labels.items[position]
    return int(terms[np.argmax(model.labels.idf[terms])]) if len(terms) else -1
