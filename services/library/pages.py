"""Pages of the whole library: the datasets take turns, or a search ranks what they find."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from seen.v1.catalog_pb2 import SearchHit
from seen.v1.types_pb2 import Item, ItemRef, ItemType
from services.common import turns
from services.common.errors import InvalidArgument, Unavailable
from services.library.datasets import Dataset, Datasets, ask_all

HIGHEST_PAGE = 2**53  # the largest whole number that every JSON reader keeps


@dataclass(frozen=True)
class Page:
    items: Sequence[Item]
    total: int
    missing: Sequence[ItemType]


@dataclass
class Pages:
    datasets: Datasets
    # What each dataset last counted, by type and category: one that is down keeps its places, so that the
    # others' items stay on their pages. Only categories that exist are kept, so it cannot grow without end.
    _last_counts: dict[tuple[ItemType, str], int] = field(default_factory=dict)

    async def page(self, number: int, size: int, item_type: ItemType, category: str, search: str) -> Page:
        """Page `number`, from 1. InvalidArgument past the last, Unavailable if no dataset answers."""
        asked = self.datasets.by_type if not item_type else {item_type: self.datasets.of(item_type)}
        start = (number - 1) * size
        if search:
            page = await self._searched(asked, start, size, category, search)
        else:
            page = await self._listed(asked, start, size, category)
        if start and start >= page.total and not page.missing:
            last = max(1, -(-page.total // size))
            raise InvalidArgument("page", f"there is no page {number}: the last one is {last}")
        return page

    async def _listed(self, asked: Mapping[ItemType, Dataset], start: int, size: int, category: str) -> Page:
        counts, missing = await ask_all({of: partial(dataset.count, category) for of, dataset in asked.items()})
        _at_least_one(counts)
        for of, count in counts.items():
            if count or (of, category) in self._last_counts:
                self._last_counts[of, category] = count
        lengths = [counts.get(of, self._last_counts.get((of, category), 0)) for of in asked]

        spans = dict(zip(asked, turns.spans(lengths, start, size), strict=True))
        lists, missing_now = await ask_all(
            {of: partial(asked[of].list, category, *spans[of]) for of in counts if spans[of][1]}
        )
        entries: dict[ItemType, Iterator[Item]] = {of: iter(items) for of, items in lists.items()}
        types = list(asked)
        in_turn = (next(entries.get(types[turn], iter(())), None) for turn in turns.order(lengths, start, size))
        return Page([item for item in in_turn if item], sum(lengths), sorted({*missing, *missing_now}))

    async def _searched(
        self, asked: Mapping[ItemType, Dataset], start: int, size: int, category: str, search: str
    ) -> Page:
        found, missing = await ask_all({of: partial(dataset.search, search, category) for of, dataset in asked.items()})
        _at_least_one(found)

        def rank(hit: tuple[ItemType, SearchHit]) -> tuple[int, str, ItemType, str]:
            return hit[1].match, hit[1].name.casefold(), hit[0], hit[1].id

        hits = sorted(((of, hit) for of, hits in found.items() for hit in hits), key=rank)
        refs = [ItemRef(type=of, id=hit.id) for of, hit in hits[start : start + size]]
        items, missing_now = await fetch(self.datasets, refs)
        return Page([item for item in items if item], len(hits), sorted({*missing, *missing_now}))


async def fetch(datasets: Datasets, refs: Sequence[ItemRef]) -> tuple[list[Item | None], list[ItemType]]:
    """The items of these references, in their order, in one call per dataset; None for those that are not there."""
    ids: dict[ItemType, list[str]] = {}
    for ref in refs:
        ids.setdefault(ref.type, []).append(ref.id)
    lists, missing = await ask_all({of: partial(datasets.of(of).batch_get, wanted) for of, wanted in ids.items()})
    found = {(of, item.id): item for of, items in lists.items() for item in items}
    return [found.get((ref.type, ref.id)) for ref in refs], missing


def _at_least_one(answers: Mapping[ItemType, object]) -> None:
    if not answers:
        raise Unavailable("no dataset answers at the moment; try again later")
