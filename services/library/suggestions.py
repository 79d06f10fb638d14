"""What to see next: per item type, a random sample from each of the three categories with the user's most points.

A category without any item of a type is skipped for that type, and the user's next category is used. Sources name
genres differently: three of Goodreads' most common ones ("Fiction", "Classics", "Young Adult") exist for no film, so
without this rule two readers in five would get no films.

The cost does not depend on the number of marks: points are kept as sums, and only sampled items are looked up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.common.errors import InvalidArgument, Unavailable
from services.library import metrics
from services.library.datasets import Datasets
from services.library.domain import Accounts, Dataset, Item, Points

CATEGORIES = 3
# How many of a user's categories are considered when some have no items of a type.
MAX_CANDIDATES = 12
# Maximum number of items per sample. A category with at most this many items is sampled completely before its result is
# short; a larger one gives a short result only if the user has marked nearly all of it.
MAX_SAMPLE = 1000
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
    answers, missing = await datasets.query_all(
        {
            item_type: _Sampler(dataset, accounts, subject, categories, amount).run
            for item_type, dataset in selected.items()
        }
    )
    if not answers:
        raise Unavailable("none of the requested datasets answers at the moment; try again later")
    for item_type, samples in answers.items():
        metrics.count_suggestions(selected[item_type].name, empty=not any(samples.values()))
    chosen = {category for samples in answers.values() for category in samples}
    suggestions = [
        Suggestion(item, category)
        for item_type in selected
        for category, items in answers.get(item_type, {}).items()
        for item in items
    ]
    return Suggestions([points for points in candidates if points.category in chosen], suggestions, missing)


class _Sampler:
    """Samples one dataset until each chosen category has `amount` unmarked items, or no more exist."""

    def __init__(
        self, dataset: Dataset, accounts: Accounts, subject: str, categories: Sequence[str], amount: int
    ) -> None:
        self._dataset = dataset
        self._accounts = accounts
        self._subject = subject
        self._amount = amount
        self._chosen: dict[str, list[Item]] = {category: [] for category in categories[:CATEGORIES]}
        self._candidates = list(categories[CATEGORIES:])
        self._is_unmarked: dict[str, bool] = {}  # by item id, for all items sampled so far
        self._used: set[str] = set()
        self._empty: list[str] = []  # categories of the last round that have no item at all
        self._exhausted: set[str] = set()  # categories of which every item has been sampled

    async def run(self) -> dict[str, list[Item]]:
        """The items per chosen category, in the order of the user's points."""
        for sample_size in self._sample_sizes():
            await self._sample(self._short_categories(), sample_size)
            while replacements := self._replace_empty():
                await self._sample(replacements, sample_size)
            if not self._short_categories():
                break
        return self._chosen

    def _sample_sizes(self) -> Iterator[int]:
        """One size per round. The first already allows for items that are marked, or in several categories."""
        size = self._amount * (2 if self._subject else 1) + len(self._chosen) - 1
        while size < MAX_SAMPLE:
            yield size
            size *= 4
        yield MAX_SAMPLE

    async def _sample(self, categories: Sequence[str], size: int) -> None:
        samples = await self._dataset.sample(categories, size)
        await self._look_up_marks([item.id for sample in samples for item in sample.items])
        # Smallest sample first: a large category must not use up the items that a small one shares with it.
        for sample in sorted(samples, key=lambda sample: len(sample.items)):
            self._choose(sample.category, sample.items)
        self._empty = [sample.category for sample in samples if not sample.items]
        self._exhausted |= {sample.category for sample in samples if sample.complete}

    def _short_categories(self) -> list[str]:
        """Chosen categories that lack items and may have more."""
        return [
            category
            for category, items in self._chosen.items()
            if len(items) < self._amount and category not in self._exhausted
        ]

    def _replace_empty(self) -> list[str]:
        """Replaces categories without items by the user's next ones, and returns those."""
        for category in self._empty:
            del self._chosen[category]
        count = len(self._empty)
        replacements, self._candidates = self._candidates[:count], self._candidates[count:]
        self._chosen |= {category: [] for category in replacements}
        return replacements

    async def _look_up_marks(self, item_ids: Sequence[str]) -> None:
        new_ids = [item_id for item_id in dict.fromkeys(item_ids) if item_id not in self._is_unmarked]
        marked: set[str] = set()
        if self._subject:
            for start in range(0, len(new_ids), MAX_SAMPLE):
                batch = new_ids[start : start + MAX_SAMPLE]
                marked |= await self._accounts.marked_ids(self._subject, self._dataset.type, batch)
        self._is_unmarked |= {item_id: item_id not in marked for item_id in new_ids}

    def _choose(self, category: str, items: Sequence[Item]) -> None:
        chosen = self._chosen[category]
        for item in items:
            if len(chosen) == self._amount:
                return
            if self._is_unmarked[item.id] and item.id not in self._used:
                self._used.add(item.id)
                chosen.append(item)
