"""Ranks the items of one type for a person, and says why. The formula is in README.md. Needs numpy only."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.taste.model import ItemRef, Model, Rows, Terms, themes_of_label

# Only the newest marks are read.
MAX_MARKS = 200
LIKED_WEIGHT, SEEN_WEIGHT = 1.0, 0.3
# Of the prior, and of the taste for labels, in relation to the neighbours; and how much popular items are held back.
# FIXME(from the library's side to whoever tunes this; delete when read): without people, prior = 0.1 v. With 0.5 the taste
# wins only if n/(n+3) * c > 0.5, so in a fresh suite nearly every reason is "popular", and three horror novels or three
# Austens give Harry Potter and The Hunger Games ("ana, in a fresh suite, gets from three likes what a friend would
# suggest"). Measured with your prior, no community, three liked marks, NDCG@10 by TASTE_WEIGHT, book / anime:
# 0.1 .202/.339, 0.2 .210/.333, 0.3 .216/.328, 0.5 .218/.321. A weight that falls with people, such as
# 0.1 + 0.2 * 50 / (people + 50), helps books, costs anime little, and gives personal answers with reasons.
# A look at six people: PYTHONPATH=. .venv/bin/python /tmp/seen/e/eyes.py 0.2 0.3 (suite /tmp/e1 runs at offset 13500)
PRIOR_WEIGHT, TASTE_WEIGHT, POPULARITY_POWER = 0.4, 0.1, 0.3
LIKED_POINTS, SEEN_POINTS = 3, 1
# Standard deviations of ln(score), roughly, by which a seed changes the order.
NOISE = 0.1
# Items look alike if they have the same rarest label, and at most this share of the type's items has it. At most this
# many of ten in a row do.
ALIKE_SHARE = 0.1
MAX_ALIKE, ALIKE_WINDOW = 3, 10
MAX_REASON_ITEMS = 3

Doubles = NDArray[np.float64]


class MarkedItem(Protocol):
    """An item that the person has marked, with its labels and themes on that day. The model need not know the item."""

    @property
    def ref(self) -> tuple[int, str]: ...
    @property
    def seen(self) -> bool: ...
    @property
    def liked(self) -> bool: ...
    @property
    def category(self) -> Sequence[str]: ...
    @property
    def themes(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Mark:
    """A MarkedItem."""

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
    marks: Sequence[MarkedItem],
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
    return Person(model, marks).rank(item_type, amount, seed=seed, exclude=exclude)


class Person:
    """Ranks for one person. What all types share is computed once."""

    def __init__(self, model: Model, marks: Sequence[MarkedItem]) -> None:
        self.model = model
        self.marks = marks[:MAX_MARKS]
        self._marked = _positions(model, [mark.ref for mark in marks])
        # The neighbours of all marks: the number of the mark, the neighbour's position, and its part of the score.
        self.sources, self.targets, self.parts = self._gather(self._marked[: len(self.marks)])
        self.from_neighbours = np.bincount(self.targets, self.parts, len(model.ids))
        self.tastes = _tastes(self.marks)

    def rank(
        self,
        item_type: int,
        amount: int,
        *,
        seed: int | None = None,
        exclude: AbstractSet[tuple[int, str]] = frozenset(),
    ) -> list[Ranked]:
        """As the function rank()."""
        model = self.model
        candidates = self._candidates(item_type, _positions(model, exclude))
        if not len(candidates):
            return []
        scores = Scores(self, item_type, candidates)
        order = np.log(np.maximum(scores.total, 1e-12))
        if seed is not None:
            # One number for each item of the type, so that it does not depend on which ones are candidates.
            numbers = np.cumsum(model.types == item_type) - 1
            order += NOISE * np.random.default_rng([seed, item_type]).gumbel(size=numbers[-1] + 1)[numbers[candidates]]
        best = np.argsort(-order, kind="stable")
        return [
            Ranked(model.ref(int(candidates[number])), float(scores.total[number]), scores.reason(number))
            for number in _spread(model, candidates, best, amount)
        ]

    def _gather(self, positions: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp], Doubles]:
        neighbours = self.model.neighbours
        numbers = np.flatnonzero(positions >= 0)
        liked = np.array([mark.liked for mark in self.marks], bool)
        entries, lengths = _entries(neighbours, positions[numbers])
        weights = np.where(liked[numbers], LIKED_WEIGHT, SEEN_WEIGHT)
        parts = np.repeat(weights, lengths) * self.model.weights[entries].astype(np.float64)
        return np.repeat(numbers, lengths), neighbours.values[entries].astype(np.intp), parts

    def _candidates(self, item_type: int, excluded: NDArray[np.intp]) -> NDArray[np.intp]:
        """Neighbours of the marks, the most liked and the most voted items, without the marked and excluded ones."""
        chosen = self.from_neighbours > 0
        for top in (self.model.most_liked, self.model.most_voted):
            if item_type in top:
                chosen[top[item_type]] = True
        for hidden in (self._marked, excluded):
            chosen[hidden[hidden >= 0]] = False
        return np.flatnonzero(chosen & (self.model.types == item_type))


class Scores:
    """The terms of the score of the candidates, which are positions of items of one type."""

    def __init__(self, person: Person, item_type: int, candidates: NDArray[np.intp]) -> None:
        model = person.model
        self._person = person
        self._candidates = candidates
        count = len(person.marks)
        count_of_type = sum(mark.ref[0] == item_type for mark in person.marks)
        prior_weight = 20 / (count_of_type + 20)
        people = model.people_by_type.get(item_type, 0)
        votes = model.votes[candidates].astype(np.float64)
        prior = (model.likes[candidates] + 50 * 0.1 * votes) / (people + 50)
        self.from_neighbours = person.from_neighbours[candidates]
        self.from_prior = prior_weight * PRIOR_WEIGHT * prior
        self._taste = Taste(person, item_type, count_of_type / max(count, 1), candidates)
        self.from_taste = prior_weight * TASTE_WEIGHT * count / (count + 3) * self._taste.cosine * votes
        divisor = (prior + 0.05) ** (POPULARITY_POWER * count_of_type / (count_of_type + 10))
        self.total: Doubles = (self.from_neighbours + self.from_prior + self.from_taste) / divisor

    def reason(self, number: int) -> Reason:
        """Of the candidate with this number."""
        neighbours, prior, taste = (part[number] for part in (self.from_neighbours, self.from_prior, self.from_taste))
        person, position = self._person, self._candidates[number]
        if neighbours > 0 and neighbours >= max(prior, taste):
            entries = np.flatnonzero(person.targets == position)
            strongest = entries[np.argsort(-person.parts[entries], kind="stable")][:MAX_REASON_ITEMS]
            return Reason(items=tuple(ItemRef(*person.marks[person.sources[entry]].ref) for entry in strongest))
        theme = self._taste.theme(position) if taste > prior else ""
        if not theme:
            return Reason()
        having = [mark for mark in person.marks if theme in mark.themes]
        return Reason((), theme, sum(mark.seen for mark in having), sum(mark.liked for mark in having))


class Taste:
    """How well the labels of each candidate fit those of the person's items.

    Items of the same type are compared by their source's labels, items of other types by the shared themes. Either
    comparison is a cosine; they count in proportion to the numbers of marks: `share` is that of the same type.
    """

    def __init__(self, person: Person, item_type: int, share: float, candidates: NDArray[np.intp]) -> None:
        self._model = model = person.model
        self._type = item_type
        own = person.tastes[item_type].labels if item_type in person.tastes else Counter[str]()
        others = Counter[str]()
        for kind, taste in person.tastes.items():
            if kind != item_type:
                others.update(taste.themes)
        self._labels = _profile(model.labels, item_type, own) * share
        self._themes = _profile(model.themes, item_type, others) * (1 - share)
        self.cosine: Doubles = _cosine(model.labels, self._labels, candidates) + _cosine(
            model.themes, self._themes, candidates
        )

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


@dataclass(frozen=True)
class Points:
    """A person's points for the labels and themes of the items of one type."""

    labels: Counter[str]
    themes: Counter[str]


def _tastes(marks: Sequence[MarkedItem]) -> dict[int, Points]:
    tastes: dict[int, Points] = {}
    for mark in marks:
        points = SEEN_POINTS * mark.seen + LIKED_POINTS * mark.liked
        taste = tastes.get(mark.ref[0])
        if taste is None:
            taste = tastes[mark.ref[0]] = Points(Counter(), Counter())
        for word in mark.category:
            taste.labels[word] += points
        for word in mark.themes:
            taste.themes[word] += points
    return tastes


def _profile(terms: Terms, item_type: int, points: Mapping[str, int]) -> Doubles:
    """The person's points for each term of the type, times its idf, as a vector of length 1, or 0 without points."""
    profile = np.zeros(len(terms.names))
    for word, number in points.items():
        term = terms.by_name.get((item_type, word))
        if term is not None:
            profile[term] = number
    profile *= terms.idf
    length = np.sqrt(profile @ profile)
    return profile / length if length else profile


def _cosine(terms: Terms, profile: Doubles, positions: NDArray[np.intp]) -> Doubles:
    entries, lengths = _entries(terms.items, positions)
    products = (profile * terms.idf)[terms.items.values[entries]]
    rows = np.repeat(np.arange(len(positions)), lengths)
    return np.bincount(rows, products, len(positions)) / terms.lengths[positions]


def _entries(rows: Rows, numbers: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The indices into `rows.values` of these rows, one row after the other, and the length of each row."""
    starts = rows.starts[numbers].astype(np.intp)
    lengths = rows.starts[numbers + 1] - starts
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - lengths), lengths), lengths


def _positions(model: Model, refs: Iterable[tuple[int, str]]) -> NDArray[np.intp]:
    """-1 for items that the model does not know."""
    return np.array([model.positions.get((ref[0], ref[1]), -1) for ref in refs], np.intp)


def _spread(model: Model, candidates: NDArray[np.intp], best: NDArray[np.intp], amount: int) -> list[int]:
    """The numbers of the first `amount` candidates, in the order of `best`.

    At most MAX_ALIKE of each ten look alike while there are others.
    """
    result: list[int] = []
    waiting: list[int] = []
    used: dict[int, int] = {}

    def take(number: int) -> bool:
        label = _rarest_label(model, int(candidates[number]))
        if used.get(label, 0) >= MAX_ALIKE:
            return False
        if label >= 0:
            used[label] = used.get(label, 0) + 1
        result.append(number)
        if len(result) % ALIKE_WINDOW == 0:
            used.clear()
        return True

    for number in best.tolist():
        if len(result) >= amount:
            break
        # At the start of ten, those that were held back come first.
        if not used and waiting:
            waiting = [held for held in waiting if not take(held)]
        if not take(number):
            waiting.append(number)
    return (result + waiting)[:amount]


def _rarest_label(model: Model, position: int) -> int:
    """-1 if the item has only labels that many items have."""
    terms = model.labels.items[position]
    idf = model.labels.idf[terms]
    return int(terms[np.argmax(idf)]) if len(terms) and idf.max() >= -np.log(ALIKE_SHARE) else -1
