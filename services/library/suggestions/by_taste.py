"""Strategy "taste": per item type, the items that the user will probably like most, best first.

services/taste ranks them by the user's newest marks, at most MAX_MARKS, so the cost does not depend on the number of
marks. If there are older marks, the best ranked items are looked up among all marks.
"""

import asyncio
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from services.library.datasets import Datasets
from services.library.domain import Accounts, RecentMarks, ThemePoints
from services.library.suggestions import points
from services.library.suggestions.models import Models
from services.library.suggestions.request import (
    BecauseOfItems,
    BecausePopular,
    NamedItems,
    Reason,
    Request,
    Suggestion,
    Suggestions,
)
from services.taste.domain import Item, ItemRef, Mark
from services.taste.model import Model
from services.taste.rank import Ranked, rank
from services.taste.score import MAX_MARKS, Person

# Items that are ranked in addition, because some have been deleted.
SPARE_ITEMS = 2
# Items that are ranked for each suggestion if the user has more marks than were read: some of these items are marked.
RANKED_WITH_OLDER_MARKS = 4
# Ranking this many items takes 4 ms for somebody with 200 marks. More are ranked in a thread, so that other requests do
# not wait.
MAX_RANKED_INLINE = 50
MAX_RANKED = 1000  # per type and round


async def suggest(
    datasets: Datasets, accounts: Accounts, models: Models, types: Sequence[int], request: Request, named: NamedItems
) -> Suggestions:
    """At most `amount` items per type."""
    recent = RecentMarks((), complete=True, complete_with_not_interested=True)
    if request.subject:
        recent = await accounts.recent_marks(request.subject, MAX_MARKS)
    marks = _with_likes(recent.marks, named.likes)
    model_by_type = {item_type: model for item_type in types if (model := models.of_type(item_type))}
    ranking = _Ranking(model_by_type, marks, request.seed, {*named.left_out, *recent.not_interested})
    choice = _Choice(datasets, accounts, request, ranking, look_up_marks=not recent.complete_with_not_interested)
    # If the ranking has read all marks, the counts in its reasons are complete. Otherwise the account service has them.
    stored_points: Mapping[str, ThemePoints] | None = None
    if recent.complete and len(marks) <= MAX_MARKS:
        await choice.fill(request.amount + SPARE_ITEMS)
    else:
        _, themes = await asyncio.gather(
            choice.fill(RANKED_WITH_OLDER_MARKS * request.amount + SPARE_ITEMS),
            points.top_themes(accounts, request.subject, named.likes, points.MAX_THEMES),
        )
        stored_points = {entry.theme: entry for entry in themes}
    missing = [item_type for item_type in types if item_type not in model_by_type or item_type in choice.missing]
    suggestions = [
        Suggestion(item, choice.reason(ranked, stored_points))
        for item_type in types
        if item_type not in missing
        for ranked, item in choice.chosen[item_type]
    ]
    reasons = {suggestion.because for suggestion in suggestions if isinstance(suggestion.because, ThemePoints)}
    return Suggestions(points.most_first(reasons), suggestions, missing)


def _with_likes(marks: Sequence[Mark], likes: Sequence[Mark]) -> Sequence[Mark]:
    """The request's likes as the newest marks. A like replaces the mark on the same item."""
    if not likes:
        return marks
    seen = {mark.ref for mark in marks if mark.seen}
    liked = {like.ref for like in likes}
    return [
        *(like._replace(seen=like.ref in seen) for like in likes),
        *(mark for mark in marks if mark.ref not in liked),
    ]


@dataclass
class _Ranking:
    """The items of each type, best first, without those in `left_out` and those that have been returned."""

    models: Mapping[int, Model]
    marks: Sequence[Mark]
    seed: int
    left_out: set[ItemRef]
    exhausted: set[int] = field(default_factory=set)  # types of which all items have been returned
    person_by_model: dict[int, Person] = field(default_factory=dict)  # by the model's identity: types share a model

    def next_best(self, types: Sequence[int], amount: int) -> dict[int, list[Ranked]]:
        ranked = {
            item_type: rank(self._person(item_type), item_type, amount, seed=self.seed, exclude=self.left_out)
            for item_type in types
        }
        self.left_out.update(entry.ref for entries in ranked.values() for entry in entries)
        self.exhausted.update(item_type for item_type, entries in ranked.items() if len(entries) < amount)
        return ranked

    def _person(self, item_type: int) -> Person:
        model = self.models[item_type]
        if id(model) not in self.person_by_model:
            self.person_by_model[id(model)] = Person(model, self.marks)
        return self.person_by_model[id(model)]


class _Choice:
    """The first `amount` items of each ranking that exist and are not marked, and the items in their reasons."""

    def __init__(
        self, datasets: Datasets, accounts: Accounts, request: Request, ranking: _Ranking, look_up_marks: bool
    ) -> None:
        """`look_up_marks`: whether ranked items may be marked, because the ranking has not read all marks."""
        self._datasets = datasets
        self._accounts = accounts
        self._request = request
        self._ranking = ranking
        self._look_up_marks = look_up_marks
        self._waiting: dict[int, list[Ranked]] = {item_type: [] for item_type in ranking.models}
        self._items: dict[ItemRef, Item | None] = {}
        self.chosen: dict[int, list[tuple[Ranked, Item]]] = {item_type: [] for item_type in ranking.models}
        self.missing: set[int] = set()

    async def fill(self, size: int) -> None:
        """Ranks `size` items of each type, then more, until no type lacks items or no more items exist.

        Usually one round is enough: one call per dataset, and one look-up of marks if it is needed.
        """
        while lacking := {
            item_type: number
            for item_type, chosen in self.chosen.items()
            if (number := self._request.amount - len(chosen))
            and item_type not in self.missing
            and (self._waiting[item_type] or item_type not in self._ranking.exhausted)
        }:
            to_rank = [
                item_type
                for item_type, number in lacking.items()
                if len(self._waiting[item_type]) < number and item_type not in self._ranking.exhausted
            ]
            await self._rank(to_rank, size)
            await self._choose(lacking)
            size = min(4 * size, MAX_RANKED)

    async def _rank(self, types: Sequence[int], size: int) -> None:
        if not types:
            return
        if size * len(types) <= MAX_RANKED_INLINE:
            best = self._ranking.next_best(types, size)
        else:
            best = await asyncio.to_thread(self._ranking.next_best, types, size)
        marked: Set[ItemRef] = frozenset()
        refs = [entry.ref for ranked in best.values() for entry in ranked]
        if self._look_up_marks and refs:
            marked = await self._accounts.filter_marked(self._request.subject, refs)
        for item_type, ranked in best.items():
            self._waiting[item_type] += [entry for entry in ranked if entry.ref not in marked]

    async def _choose(self, amounts: Mapping[int, int]) -> None:
        """Reads so many waiting items of each type, and the items in their reasons; chooses the items that exist."""
        next_best = {item_type: self._waiting[item_type][:amount] for item_type, amount in amounts.items()}
        refs = {
            ref: None
            for ranked in next_best.values()
            for entry in ranked
            for ref in (entry.ref, *entry.reason.items)
            if ref not in self._items and ref.type in self._datasets.by_type
        }
        items, missing = await self._datasets.fetch(list(refs))
        self._items |= zip(refs, items, strict=True)
        for item_type, ranked in next_best.items():
            if item_type in missing:
                self.missing.add(item_type)
                continue
            del self._waiting[item_type][: len(ranked)]
            self.chosen[item_type] += [
                (entry, item) for entry in ranked if (item := self._items[entry.ref]) is not None
            ]

    def reason(self, ranked: Ranked, stored_points: Mapping[str, ThemePoints] | None) -> Reason | None:
        """The reason with its items read. None if they do not exist, or if `stored_points` lacks the theme.

        Without `stored_points`, a theme has the counts of the ranking.
        """
        reason = ranked.reason
        if reason.items:
            items = [item for ref in reason.items if (item := self._items.get(ref))]
            return BecauseOfItems(items) if items else None
        if reason.theme:
            if stored_points is not None:
                return stored_points.get(reason.theme)
            return points.theme_points(reason.theme, reason.seen, reason.liked)
        return BecausePopular()
