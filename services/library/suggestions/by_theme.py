"""Strategy "categories": per item type, random samples of the three themes for which the user has the most points.

Not every theme has items in every dataset. A theme without items of a type is skipped for that type, and the user's
next theme is used.

The cost does not depend on the number of marks: points are stored as sums, and only sampled items are looked up.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from functools import partial

from services.library.datasets import Datasets
from services.library.domain import Accounts, Sample
from services.library.suggestions.points import top_themes
from services.library.suggestions.request import NamedItems, Request, Suggestion, Suggestions
from services.taste.domain import Item, ItemRef

THEMES = 3
# Number of the user's themes that are considered, because some may have no items of a type.
MAX_CANDIDATES = 12
# Maximum number of items per sample. A theme with at most this many items is sampled completely before it gets fewer
# suggestions than requested; a larger one gets fewer only if the user has marked nearly all of its items.
MAX_SAMPLE = 1000
# Sampled in addition at first, because some items are marked or in several themes.
SPARE_ITEMS = 3
WHOLE_DATASET = ""


async def suggest(
    datasets: Datasets, accounts: Accounts, types: Sequence[int], request: Request, named: NamedItems
) -> Suggestions:
    """At most `amount` items per type and chosen theme.

    Whole datasets are sampled if neither the user's marks nor the request's likes give points.
    """
    candidates = await top_themes(accounts, request.subject, named.likes, MAX_CANDIDATES)
    points_by_theme = {entry.theme: entry for entry in candidates}
    selections = {
        item_type: _Selection(list(points_by_theme) or [WHOLE_DATASET], request.amount) for item_type in types
    }
    marks = _Marks(accounts, request.subject, named.left_out)
    spare = SPARE_ITEMS if request.subject or named.left_out else 0
    missing = await _fill(selections, datasets, marks, request.seed, request.amount + spare)
    chosen = [selections[item_type].items for item_type in types if item_type not in missing]
    suggestions = [
        Suggestion(item, points_by_theme.get(theme))
        for items_by_theme in chosen
        for theme, items in items_by_theme.items()
        for item in items
    ]
    chosen_themes = {theme for items_by_theme in chosen for theme in items_by_theme}
    return Suggestions([entry for entry in candidates if entry.theme in chosen_themes], suggestions, missing)


class _Selection:
    """The items chosen from one dataset: at most `amount` unmarked items for each chosen theme."""

    def __init__(self, candidates: Sequence[str], amount: int) -> None:
        self._amount = amount
        # By chosen theme, in the order of the user's points.
        self.items: dict[str, list[Item]] = {}
        # At first all candidates: the dataset samples the first of them that it has items of. Then the chosen themes
        # that lack items and may have more.
        self.to_sample = candidates
        self._used: set[str] = set()  # ids of the items of all themes

    def add(self, samples: Sequence[Sample], marked: Set[ItemRef]) -> None:
        for sample in samples:
            self.items.setdefault(sample.category, [])
        # Smallest sample first: a large theme must not use up the items that it shares with a small theme.
        for sample in sorted(samples, key=lambda sample: len(sample.items)):
            self._choose(sample.category, [item for item in sample.items if ItemRef(item.type, item.id) not in marked])
        self.to_sample = [
            sample.category
            for sample in samples
            if len(self.items[sample.category]) < self._amount and not sample.complete
        ]

    def _choose(self, theme: str, items: Sequence[Item]) -> None:
        chosen = self.items[theme]
        for item in items:
            if len(chosen) == self._amount:
                return
            if item.id not in self._used:
                self._used.add(item.id)
                chosen.append(item)


class _Marks:
    """The sampled items that must not be suggested: marked, or left out by the request. Each is looked up once."""

    def __init__(self, accounts: Accounts, subject: str, left_out: Set[ItemRef]) -> None:
        self._accounts = accounts
        self._subject = subject
        self._looked_up: set[ItemRef] = set(left_out)
        self.marked: set[ItemRef] = set(left_out)

    async def look_up(self, refs: Iterable[ItemRef]) -> None:
        new = list(dict.fromkeys(ref for ref in refs if ref not in self._looked_up))
        self._looked_up.update(new)
        if self._subject and new:
            self.marked |= await self._accounts.filter_marked(self._subject, new)


async def _fill(
    selections: Mapping[int, _Selection], datasets: Datasets, marks: _Marks, seed: int, size: int
) -> list[int]:
    """Samples `size` items of each theme, then more, until no theme lacks items or no more items exist.

    Returns the types whose dataset did not answer. Usually one round is enough: one call per dataset and one look-up of
    marks.
    """
    missing: list[int] = []
    while queries := {
        item_type: partial(datasets.get(item_type).sample, selection.to_sample, size, THEMES, seed)
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
