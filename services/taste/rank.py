"""Ranks the items of one type for a person, and says why. The formula is in README.md. Needs numpy only."""

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.taste.model import ItemRef, Model, Rows, Terms, themes_of_label

# Only the newest marks are read.
MAX_MARKS = 200
LIKED_WEIGHT, SEEN_WEIGHT = 1.0, 0.3
# Of the prior in relation to the neighbours, and how much popular items are held back.
PRIOR_WEIGHT, POPULARITY_POWER = 0.4, 0.3
# The prior of an item starts at its votes, as if these were the likes of a tenth of this many people.
PRIOR_PEOPLE = 50
# Of the taste for labels, with many training people, and in addition without any, or without a mark of the type: labels
# help less than neighbours do.
TASTE_WEIGHT, TASTE_WEIGHT_ALONE = 0.8, 4.0
# The taste counts in proportion to this power of how much the person's items agree in their labels.
AGREEMENT_POWER = 4
# Points of an item without labels that is added to the person's: one or two items say little about what they agree in.
AGREEMENT_PRIOR = 4
LIKED_POINTS, SEEN_POINTS = 3, 1
# Standard deviations of ln(score), roughly, by which a seed changes the order.
NOISE = 0.1
# Of two items whose ln(score) differs by more, noise changes the order once in 10,000 times.
NOISE_RANGE = 1.0
# Number of items, for each one that is asked for and in addition, among which the best are looked for.
DEPTH, MIN_DEPTH = 5, 50
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
        self.counts = Counter(mark.ref[0] for mark in self.marks)  # by type

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
        depth = DEPTH * amount + MIN_DEPTH
        scores = Scores(self, item_type, candidates, depth)
        candidates = scores.candidates
        order = np.log(np.maximum(scores.total, 1e-12))
        if seed is not None:
            order += NOISE * _gumbel(seed, item_type, candidates)
        best = _largest(order, depth)
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
    """The terms of the score of the candidates, which are positions of items of one type.

    The taste is computed only for candidates that may be among the best `depth`; the others are dropped.
    """

    def __init__(self, person: Person, item_type: int, candidates: NDArray[np.intp], depth: int) -> None:
        model = person.model
        self._person = person
        count = len(person.marks)
        count_of_type = person.counts[item_type]
        prior_weight = 20 / (count_of_type + 20)
        people = model.people_by_type.get(item_type, 0)
        prior_share = PRIOR_PEOPLE / (people + PRIOR_PEOPLE)
        # Without a mark of the type, its neighbours say little, however many people there are.
        alone = prior_share if count_of_type else 1.0
        votes = model.votes[candidates].astype(np.float64)
        prior = prior_share * (model.likes[candidates] / PRIOR_PEOPLE + 0.1 * votes)
        from_neighbours = person.from_neighbours[candidates]
        from_prior = prior_weight * PRIOR_WEIGHT * prior
        taste_weight = TASTE_WEIGHT + TASTE_WEIGHT_ALONE * alone
        most_taste = prior_weight * taste_weight * count / (count + 3) * votes  # for a cosine of 1
        divisor = (prior + 0.05) ** (POPULARITY_POWER * count_of_type / (count_of_type + 10))
        best = _may_be_best(from_neighbours + from_prior, most_taste, divisor, depth)
        self.candidates = candidates[best]
        self.from_neighbours, self.from_prior = from_neighbours[best], from_prior[best]
        self._taste = Taste(person, item_type, count_of_type / max(count, 1), self.candidates)
        self.from_taste = most_taste[best] * self._taste.cosine
        self.total: Doubles = (self.from_neighbours + self.from_prior + self.from_taste) / divisor[best]

    def reason(self, number: int) -> Reason:
        """Of the candidate with this number."""
        neighbours, prior, taste = (part[number] for part in (self.from_neighbours, self.from_prior, self.from_taste))
        person, position = self._person, self.candidates[number]
        if neighbours > 0 and neighbours >= max(prior, taste):
            entries = np.flatnonzero(person.targets == position)
            strongest = entries[np.argsort(-person.parts[entries], kind="stable")][:MAX_REASON_ITEMS]
            return Reason(items=tuple(ItemRef(*person.marks[person.sources[entry]].ref) for entry in strongest))
        theme = self._taste.theme(position) if taste > prior else ""
        if not theme:
            return Reason()
        having = [mark for mark in person.marks if theme in mark.themes]
        return Reason((), theme, sum(mark.seen for mark in having), sum(mark.liked for mark in having))


def _may_be_best(without_taste: Doubles, most_taste: Doubles, divisor: Doubles, depth: int) -> NDArray[np.intp]:
    """The numbers of the candidates that may be among the best `depth`, even if noise favours them."""
    if len(divisor) <= depth:
        return np.arange(len(divisor))
    least, most = without_taste / divisor, (without_taste + most_taste) / divisor
    worst_of_best = np.partition(least, -depth)[-depth]
    return np.flatnonzero(most >= worst_of_best * np.exp(-NOISE_RANGE))


class Taste:
    """How well the labels of each candidate fit those of the person's items.

    Items of the same type are compared by their source's labels, items of other types by the shared themes. Either
    comparison is a cosine times the agreement of the person's items; they count in proportion to the numbers of marks:
    `share` is that of the same type.
    """

    def __init__(self, person: Person, item_type: int, share: float, candidates: NDArray[np.intp]) -> None:
        self._model = model = person.model
        self._type = item_type
        own = [(mark.category, _points(mark)) for mark in person.marks if mark.ref[0] == item_type]
        others = [(mark.themes, _points(mark)) for mark in person.marks if mark.ref[0] != item_type]
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


def _points(mark: MarkedItem) -> int:
    return SEEN_POINTS * mark.seen + LIKED_POINTS * mark.liked


def _profile(terms: Terms, item_type: int, marks: Sequence[tuple[Sequence[str], int]]) -> Doubles:
    """What the words of the marked items have in common: a vector over the terms. `marks`: words and points.

    The mean of the items' vectors, which have the length 1 and the direction of their terms' idf, weighted by points,
    with AGREEMENT_PRIOR points of a vector of length 0. The length R of that mean approaches 1 if many items have the
    same terms, and is at most 1/sqrt(n) if n items have nothing in common. It measures agreement (the mean resultant
    length of directional statistics), and is raised to AGREEMENT_POWER.
    """
    by_name = terms.by_name.get(item_type, {})
    found = [[by_name[word] for word in words if word in by_name] for words, _ in marks]
    numbers = np.array([term for row in found for term in row], np.intp)
    rows = np.repeat(np.arange(len(found)), [len(row) for row in found])
    points = np.array([points for _, points in marks], np.float64)
    idf = terms.idf[numbers].astype(np.float64)
    lengths = np.sqrt(np.bincount(rows, idf**2, len(found)))
    weights = points / np.maximum(lengths, 1e-9) / (points.sum() + AGREEMENT_PRIOR)
    mean: Doubles = np.bincount(numbers, idf * weights[rows], len(terms.names)).astype(np.float64)
    agreement = float(np.sqrt(mean @ mean))
    return mean * agreement ** (AGREEMENT_POWER - 1)


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


def _largest(values: Doubles, count: int) -> NDArray[np.intp]:
    """The numbers of the `count` largest values and of those equal to the last, largest first."""
    among = np.arange(len(values))
    if count < len(values):
        among = np.flatnonzero(values >= np.partition(values, -count)[-count])
    return among[np.argsort(-values[among], kind="stable")]


def _gumbel(seed: int, item_type: int, positions: NDArray[np.intp]) -> Doubles:
    """A number with the standard Gumbel distribution for each position, which does not depend on the other positions.

    The uniform numbers under it are those of SplitMix64 (Steele, Lea, Flood, 2014) at these positions of its sequence.
    """
    start = np.random.default_rng([seed, item_type]).integers(2**64, dtype=np.uint64)
    mixed = (positions.astype(np.uint64) + start) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    uniform = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return -np.log(-np.log(uniform))


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
