"""What to see next. The rules are DESIGN's: three categories with the most points, a random sample in each.

Nothing here reads all of a person's marks: their points are kept as sums, and only the items drawn are looked up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seen.v1.account_pb2 import CategoryPoints
from seen.v1.types_pb2 import Item, ItemType
from services.common.errors import InvalidArgument, Unavailable
from services.library.accounts import Accounts
from services.library.datasets import Dataset, Datasets, ask_all

CATEGORIES = 3
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
    chosen = await accounts.top_categories(subject, CATEGORIES) if subject else ()
    categories = [points.category for points in chosen] or [WHOLE_DATASET]
    drawn, missing = await ask_all(
        {of: _Draw(dataset, accounts, subject, categories, amount).run for of, dataset in asked.items()}
    )
    if not drawn:
        raise Unavailable("no dataset asked for answers at the moment; try again later")
    suggestions = [
        Suggestion(item, category) for of in asked for category, items in drawn.get(of, {}).items() for item in items
    ]
    return Suggestions(chosen, suggestions, missing)


class _Draw:
    """Draws from one dataset until every category has its amount of unmarked items, or there are no more."""

    def __init__(
        self, dataset: Dataset, accounts: Accounts, subject: str, categories: Sequence[str], amount: int
    ) -> None:
        self._dataset = dataset
        self._accounts = accounts
        self._subject = subject
        self._amount = amount
        self._chosen: dict[str, list[Item]] = {category: [] for category in categories}
        self._looked_up: dict[str, bool] = {}  # item id → may be suggested
        self._taken: set[str] = set()

    async def run(self) -> dict[str, list[Item]]:
        for draw_amount in self._rounds():
            short = [category for category, items in self._chosen.items() if len(items) < self._amount]
            if not short:
                break
            samples = await self._dataset.sample(short, draw_amount)
            await self._look_up([item.id for sample in samples for item in sample.items])
            # The category with the fewest to choose from goes first, so that another does not use up what it has.
            for sample in sorted(samples, key=lambda sample: len(sample.items)):
                self._choose(sample.category, sample.items)
            if all(sample.complete for sample in samples):
                break
        return self._chosen

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
