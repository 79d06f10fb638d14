"""What to see next: for each type, a random sample in each of the three categories in which the person has most points.

Categories of which a type has no item at all are passed over for it, and the next ones taken. Sources name their genres
differently: three of Goodreads' commonest ("Fiction", "Classics", "Young Adult") are no film's, so that without this
two readers in five would get no films.

Nothing here reads all of a person's marks: their points are kept as sums, and only the items drawn are looked up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seen.v1.account_pb2 import CategoryPoints
from seen.v1.types_pb2 import Item, ItemType
from services.common.errors import InvalidArgument, Unavailable
from services.library import metrics
from services.library.accounts import Accounts
from services.library.datasets import Dataset, Datasets, ask_all

CATEGORIES = 3
# How far down a person's categories the three of a type are looked for.
MOST_CONSIDERED = 12
# The most items drawn for a category in one round. Everything in a smaller category is looked at before its
# sample comes out short; in a larger one, somebody must have marked nearly all of it.
MOST_DRAWN = 1000
WHOLE_DATASET = ""


@dataclass(frozen=True)
class Suggestion:
    item: Item
    because: str


@dataclass(frozen=True)
class Suggestions:
    categories: Sequence[CategoryPoints]
    suggestions: Sequence[Suggestion]
    missing: Sequence[ItemType]


async def suggest(
    datasets: Datasets, accounts: Accounts, subject: str, types: Sequence[ItemType], amount: int
) -> Suggestions:
    """Samples for each type and chosen category; of whole datasets for somebody without marks, or for no subject."""
    if len(set(types)) < len(types):
        raise InvalidArgument("types", "names a type more than once")
    asked = {of: datasets.of(of) for of in types or datasets.by_type}
    considered = await accounts.top_categories(subject, MOST_CONSIDERED) if subject else ()
    categories = [points.category for points in considered] or [WHOLE_DATASET]
    drawn, missing = await ask_all(
        {of: _Draw(dataset, accounts, subject, categories, amount).run for of, dataset in asked.items()}
    )
    if not drawn:
        raise Unavailable("no dataset asked for answers at the moment; try again later")
    for of, samples in drawn.items():
        metrics.suggested(of, found=any(samples.values()))
    chosen = {category for samples in drawn.values() for category in samples}
    suggestions = [
        Suggestion(item, category) for of in asked for category, items in drawn.get(of, {}).items() for item in items
    ]
    return Suggestions([points for points in considered if points.category in chosen], suggestions, missing)


class _Draw:
    """Draws from one dataset until each of its categories has its amount of unmarked items, or there are no more."""

    def __init__(
        self, dataset: Dataset, accounts: Accounts, subject: str, categories: Sequence[str], amount: int
    ) -> None:
        self._dataset = dataset
        self._accounts = accounts
        self._subject = subject
        self._amount = amount
        self._chosen: dict[str, list[Item]] = {category: [] for category in categories[:CATEGORIES]}
        self._next = list(categories[CATEGORIES:])
        self._looked_up: dict[str, bool] = {}  # item id → may be suggested
        self._taken: set[str] = set()
        self._empty: list[str] = []  # of the categories just drawn from
        self._exhausted: set[str] = set()  # every item of theirs was looked at

    async def run(self) -> dict[str, list[Item]]:
        """What was drawn from each category chosen, in the order of the person's points."""
        for draw_amount in self._rounds():
            await self._round(self._short(), draw_amount)
            while coming := self._pass_over_empty():
                await self._round(coming, draw_amount)
            if not self._short():
                break
        return self._chosen

    async def _round(self, categories: Sequence[str], draw_amount: int) -> None:
        samples = await self._dataset.sample(categories, draw_amount)
        await self._look_up([item.id for sample in samples for item in sample.items])
        # The category with the fewest to choose from goes first, so that another does not use up what it has.
        for sample in sorted(samples, key=lambda sample: len(sample.items)):
            self._choose(sample.category, sample.items)
        self._empty = [sample.category for sample in samples if not sample.items]
        self._exhausted |= {sample.category for sample in samples if sample.complete}

    def _short(self) -> list[str]:
        """The categories that still lack items and may have more."""
        return [
            category
            for category, items in self._chosen.items()
            if len(items) < self._amount and category not in self._exhausted
        ]

    def _pass_over_empty(self) -> list[str]:
        """Puts the person's next categories in the place of those that have no item at all, and returns them."""
        for category in self._empty:
            del self._chosen[category]
        coming, self._next = self._next[: len(self._empty)], self._next[len(self._empty) :]
        self._chosen |= {category: [] for category in coming}
        return coming

    def _rounds(self) -> Iterator[int]:
        """How many to draw each time: a few more than needed at first, as some will be marked or drawn twice."""
        draw_amount = self._amount * (2 if self._subject else 1) + len(self._chosen) - 1
        while draw_amount < MOST_DRAWN:
            yield draw_amount
            draw_amount *= 4
        yield MOST_DRAWN

    async def _look_up(self, item_ids: Sequence[str]) -> None:
        new = [item_id for item_id in dict.fromkeys(item_ids) if item_id not in self._looked_up]
        marked: set[str] = set()
        if self._subject:
            for start in range(0, len(new), MOST_DRAWN):
                batch = new[start : start + MOST_DRAWN]
                marked |= await self._accounts.marked(self._subject, self._dataset.type, batch)
        self._looked_up |= {item_id: item_id not in marked for item_id in new}

    def _choose(self, category: str, items: Sequence[Item]) -> None:
        chosen = self._chosen[category]
        for item in items:
            if len(chosen) == self._amount:
                return
            if self._looked_up[item.id] and item.id not in self._taken:
                self._taken.add(item.id)
                chosen.append(item)
