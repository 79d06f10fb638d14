"""Strategy "taste": per item type, the items that the user will probably like most, best first.

services/taste ranks them. The cost does not depend on the number of marks: the 200 newest are read. If there are more,
the best ranked items are looked up among all.
"""

import asyncio
from collections.abc import Mapping, Sequence, Set

from services.common.errors import Unavailable
from services.library.datasets import Datasets
from services.library.domain import Accounts, Item, ItemRef, Points, RecentMark, RecentMarks
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
    united,
)
from services.taste.model import Model
from services.taste.rank import MAX_MARKS, Person, Ranked

# Ranked in addition, because some items have been deleted.
SPARE_ITEMS = 2
# Ranked for each suggestion if the user has more marks than were read: these items may be marked.
WITH_OLDER_MARKS = 4
# Ranking so many takes 4 ms for somebody with 200 marks. More are ranked in a thread: other requests must not wait.
MAX_RANKED_AT_ONCE = 50
# Items per look-up of marks.
MAX_LOOK_UP = 1000


async def suggest(
    datasets: Datasets, accounts: Accounts, models: Models, types: Sequence[int], request: Request, named: NamedItems
) -> Suggestions:
    """At most `amount` items per type."""
    recent = RecentMarks((), complete=True, complete_with_not_interested=True)
    if request.subject:
        recent = await accounts.recent_marks(request.subject, MAX_MARKS)
    marks = _with_likes(recent.marks, named.likes)
    known = {item_type: model for item_type in types if (model := models.of_type(item_type))}
    rankings = _Rankings(known, marks, request.seed, named.left_out | set(recent.not_interested))
    look_up_marks = not recent.complete_with_not_interested
    choice = _Choice(datasets, accounts, request, list(known), rankings, look_up_marks)
    # If the ranking knows all marks, so do the counts in its reasons.
    counted: Mapping[str, Points] | None = None
    if recent.complete and len(marks) <= MAX_MARKS:
        await choice.fill(request.amount + SPARE_ITEMS)
    else:
        _, themes = await asyncio.gather(
            choice.fill(WITH_OLDER_MARKS * request.amount + SPARE_ITEMS),
            points.top_themes(accounts, request.subject, named.likes, points.MAX_THEMES),
        )
        counted = {entry.category: entry for entry in themes}
    missing = [item_type for item_type in types if item_type not in known or item_type in choice.missing]
    if len(missing) == len(types):
        raise Unavailable("none of the requested datasets answers at the moment; try again later")
    suggestions = [
        Suggestion(item, choice.reason(ranked, counted))
        for item_type in types
        if item_type not in missing
        for ranked, item in choice.chosen[item_type]
    ]
    reasons = {suggestion.because for suggestion in suggestions if isinstance(suggestion.because, Points)}
    return Suggestions(points.ordered(reasons), suggestions, united(missing, named.missing))


def _with_likes(marks: Sequence[RecentMark], likes: Sequence[RecentMark]) -> Sequence[RecentMark]:
    """The likes as the newest marks; one on a marked item takes the place of its mark."""
    if not likes:
        return marks
    seen = {mark.ref for mark in marks if mark.seen}
    liked = {like.ref for like in likes}
    return [
        *(like._replace(seen=like.ref in seen) for like in likes),
        *(mark for mark in marks if mark.ref not in liked),
    ]


class _Rankings:
    """The items of each type, best first."""

    def __init__(
        self, models: Mapping[int, Model], marks: Sequence[RecentMark], seed: int, left_out: Set[ItemRef]
    ) -> None:
        self._models = models
        self._marks = marks
        self._seed = seed
        self._left_out: set[tuple[int, str]] = set(left_out)
        self._people: dict[int, Person] = {}
        self.exhausted: set[int] = set()  # types of which all items have been returned

    def best(self, types: Sequence[int], amount: int) -> dict[int, list[Ranked]]:
        """The best items of each type that were not returned before."""
        ranked = {
            item_type: self._person(item_type).rank(item_type, amount, seed=self._seed, exclude=self._left_out)
            for item_type in types
        }
        self._left_out.update(entry.ref for entries in ranked.values() for entry in entries)
        self.exhausted.update(item_type for item_type, entries in ranked.items() if len(entries) < amount)
        return ranked

    def _person(self, item_type: int) -> Person:
        """Types with the same model share one."""
        model = self._models[item_type]
        if id(model) not in self._people:
            self._people[id(model)] = Person(model, self._marks)
        return self._people[id(model)]


class _Choice:
    """The first `amount` items of each ranking that exist and are not marked, and the items in their reasons."""

    def __init__(
        self,
        datasets: Datasets,
        accounts: Accounts,
        request: Request,
        types: Sequence[int],
        rankings: _Rankings,
        look_up_marks: bool,
    ) -> None:
        """`look_up_marks`: whether ranked items may be marked, because the ranking does not know all marks."""
        self._datasets = datasets
        self._accounts = accounts
        self._request = request
        self._rankings = rankings
        self._look_up_marks = look_up_marks
        self._waiting: dict[int, list[Ranked]] = {item_type: [] for item_type in types}
        self._items: dict[ItemRef, Item | None] = {}
        self.chosen: dict[int, list[tuple[Ranked, Item]]] = {item_type: [] for item_type in types}
        self.missing: set[int] = set()

    async def fill(self, size: int) -> None:
        """Ranks `size` items of each type, then more, until no type lacks items or no more exist.

        Usually one round is enough: one call per dataset, and one look-up of marks if it is needed.
        """
        while lacking := {
            item_type: lacks
            for item_type, chosen in self.chosen.items()
            if (lacks := self._request.amount - len(chosen))
            and item_type not in self.missing
            and (self._waiting[item_type] or item_type not in self._rankings.exhausted)
        }:
            await self._rank(
                [item_type for item_type, lacks in lacking.items() if self._is_short(item_type, lacks)], size
            )
            await self._take(lacking)
            size = min(4 * size, MAX_LOOK_UP)

    def _is_short(self, item_type: int, lacks: int) -> bool:
        return len(self._waiting[item_type]) < lacks and item_type not in self._rankings.exhausted

    async def _rank(self, types: Sequence[int], size: int) -> None:
        if not types:
            return
        if size * len(types) <= MAX_RANKED_AT_ONCE:
            best = self._rankings.best(types, size)
        else:
            best = await asyncio.to_thread(self._rankings.best, types, size)
        marked = await self._marked([ItemRef(*entry.ref) for ranked in best.values() for entry in ranked])
        for item_type, ranked in best.items():
            self._waiting[item_type] += [entry for entry in ranked if ItemRef(*entry.ref) not in marked]

    async def _marked(self, refs: Sequence[ItemRef]) -> set[ItemRef]:
        marked: set[ItemRef] = set()
        if self._look_up_marks:
            for start in range(0, len(refs), MAX_LOOK_UP):
                marked |= await self._accounts.filter_marked(self._request.subject, refs[start : start + MAX_LOOK_UP])
        return marked

    async def _take(self, amounts: Mapping[int, int]) -> None:
        """Reads so many items of each type with those in their reasons, and chooses the ones that exist."""
        next_best = {item_type: self._waiting[item_type][:amount] for item_type, amount in amounts.items()}
        refs = {
            ref: None
            for ranked in next_best.values()
            for entry in ranked
            for ref in (ItemRef(*entry.ref), *(ItemRef(*ref) for ref in entry.reason.items))
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
                (entry, item) for entry in ranked if (item := self._items[ItemRef(*entry.ref)]) is not None
            ]

    def reason(self, ranked: Ranked, counted: Mapping[str, Points] | None) -> Reason | None:
        """With the counts of `counted`, if given. None if the items or the theme of the reason are not known."""
        if ranked.reason.items:
            items = [item for ref in ranked.reason.items if (item := self._items.get(ItemRef(*ref)))]
            return BecauseOfItems(items) if items else None
        if ranked.reason.theme:
            theme, seen, liked = ranked.reason.theme, ranked.reason.seen, ranked.reason.liked
            return points.of(theme, seen, liked) if counted is None else counted.get(theme)
        return BecausePopular()
