"""What to see next: per item type, a random sample from each of the three categories with the user's most points.

A category without any item of a type is skipped for that type, and the user's next category is used. Sources name
genres differently: three of Goodreads' most common ones ("Fiction", "Classics", "Young Adult") exist for no film, so
without this rule two readers in five would get no films.

The cost does not depend on the number of marks: points are kept as sums, and only sampled items are looked up.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial

from services.common.errors import InvalidArgument, Unavailable
from services.library import metrics
from services.library.datasets import Datasets
from services.library.domain import Accounts, Item, ItemRef, Points, Sample

CATEGORIES = 3
# How many of a user's categories are considered when some have no items of a type.
MAX_CANDIDATES = 12
# Maximum number of items per sample. A category with at most this many items is sampled completely before its result is
# short; a larger one gives a short result only if the user has marked nearly all of it.
MAX_SAMPLE = 1000
# Drawn in addition at first, because some items are marked or in several categories.
SPARE_ITEMS = 3
# Items per look-up of marks.
MAX_LOOK_UP = 1000
WHOLE_DATASET = ""


@dataclass(frozen=True)
class Suggestion:
    item: Item
    category: str  # the one it was sampled from; WHOLE_DATASET for a user without points


@dataclass(frozen=True)
class Suggestions:
    categories: Sequence[Points]
    suggestions: Sequence[Suggestion]
    missing: Sequence[int]


async def suggest(
    datasets: Datasets, accounts: Accounts, subject: str, types: Sequence[int], amount: int
) -> Suggestions:
    """At most `amount` items per type and chosen category.

    Whole datasets are sampled if the user has no points or `subject` is empty.
    """
    if len(set(types)) < len(types):
        raise InvalidArgument("types", "names a type more than once")
    selected = {item_type: datasets.get(item_type) for item_type in types or datasets.by_type}
    candidates = await accounts.top_categories(subject, MAX_CANDIDATES) if subject else ()
    categories = [points.category for points in candidates] or [WHOLE_DATASET]
    selections = {item_type: _Selection(categories, amount) for item_type in selected}
    sample_size = amount + SPARE_ITEMS if subject else amount
    missing = await _select(selections, datasets, _Marks(accounts, subject), sample_size)
    answered = {item_type: selection.items for item_type, selection in selections.items() if item_type not in missing}
    if not answered:
        raise Unavailable("none of the requested datasets answers at the moment; try again later")
    for item_type, items_by_category in answered.items():
        metrics.count_suggestions(selected[item_type].name, empty=not any(items_by_category.values()))
    chosen = {category for items_by_category in answered.values() for category in items_by_category}
    suggestions = [
        Suggestion(item, category)
        for items_by_category in answered.values()
        for category, items in items_by_category.items()
        for item in items
    ]
    return Suggestions([points for points in candidates if points.category in chosen], suggestions, missing)


class _Selection:
    """The items chosen from one dataset: at most `amount` unmarked ones for each chosen category."""

    def __init__(self, candidates: Sequence[str], amount: int) -> None:
        self._amount = amount
        # By chosen category, in the order of the user's points.
        self.items: dict[str, list[Item]] = {}
        # At first all candidates: the dataset samples the first ones that it has items of. Then the chosen categories
        # that lack items and may have more.
        self.to_sample = candidates
        self._used: set[str] = set()

    def add(self, samples: Sequence[Sample], marked: Set[ItemRef]) -> None:
        for sample in samples:
            self.items.setdefault(sample.category, [])
        # Smallest sample first: a large category must not use up the items that a small one shares with it.
        for sample in sorted(samples, key=lambda sample: len(sample.items)):
            self._choose(sample.category, [item for item in sample.items if ItemRef(item.type, item.id) not in marked])
        self.to_sample = [
            sample.category
            for sample in samples
            if len(self.items[sample.category]) < self._amount and not sample.complete
        ]

    def _choose(self, category: str, items: Sequence[Item]) -> None:
        chosen = self.items[category]
        for item in items:
            if len(chosen) == self._amount:
                return
            if item.id not in self._used:
                self._used.add(item.id)
                chosen.append(item)


class _Marks:
    """The user's marks on sampled items. Each item is looked up once."""

    def __init__(self, accounts: Accounts, subject: str) -> None:
        self._accounts = accounts
        self._subject = subject
        self._looked_up: set[ItemRef] = set()
        self.marked: set[ItemRef] = set()

    async def look_up(self, refs: Iterable[ItemRef]) -> None:
        new = list(dict.fromkeys(ref for ref in refs if ref not in self._looked_up))
        self._looked_up.update(new)
        if self._subject:
            for start in range(0, len(new), MAX_LOOK_UP):
                self.marked |= await self._accounts.filter_marked(self._subject, new[start : start + MAX_LOOK_UP])


async def _select(selections: Mapping[int, _Selection], datasets: Datasets, marks: _Marks, size: int) -> list[int]:
    """Samples until no category lacks items, or no more exist. Returns the types whose dataset did not answer.

    Usually one round is enough: one sample per dataset and one look-up of marks.
    """
    missing: list[int] = []
    while queries := {
        item_type: partial(datasets.get(item_type).sample, selection.to_sample, size, CATEGORIES)
        for item_type, selection in selections.items()
        if selection.to_sample and item_type not in missing
    }:
        answers, newly_missing = await datasets.query_all(queries)
        missing += newly_missing
        await marks.look_up(
            ItemRef(item.type, item.id) for samples in answers.values() for sample in samples for item in sample.items
        )
        for item_type, samples in answers.items():
            selections[item_type].add(samples, marks.marked)
        if size == MAX_SAMPLE:
            break
        size = min(4 * size, MAX_SAMPLE)
    return missing
