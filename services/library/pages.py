"""Pages of the whole library: the items of all datasets interleaved, or the hits of a search, best first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from services.common import interleave
from services.common.errors import InvalidArgument, Unavailable
from services.library.datasets import Datasets
from services.library.domain import Dataset, ListRange, SearchHit
from services.taste.domain import Item, ItemRef


class Span(NamedTuple):
    start: int
    limit: int


@dataclass(frozen=True)
class Page:
    items: Sequence[Item]
    total: int
    missing: Sequence[int]  # item types whose dataset did not answer


class LibraryPages:
    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets
        # The last known counts by type and category. They decide which items of each list a page needs, so that it
        # takes one round of calls. While a dataset is down, its last count reserves its share of each page, so that the
        # items of the others stay on their pages. Only categories that exist are stored, to bound the size.
        self._last_counts: dict[tuple[int, str], int] = {}

    async def page(self, number: int, size: int, item_type: int, category: str, search: str) -> Page:
        """Page `number`, from 1; of all types if `item_type` is 0.

        InvalidArgument past the last page, Unavailable if no dataset answers.
        """
        datasets = {item_type: self._datasets.get(item_type)} if item_type else self._datasets.by_type
        start = (number - 1) * size
        if search:
            page = await self._search(datasets, start, size, category, search)
        else:
            page = await self._list(datasets, start, size, category)
        if start and start >= page.total and not page.missing:
            last = max(1, -(-page.total // size))
            raise InvalidArgument("page", f"there is no page {number}: the last one is {last}")
        return page

    async def _list(self, datasets: Mapping[int, Dataset], start: int, size: int, category: str) -> Page:
        """Lists by the last known counts. Where the counts in the answers give another span, lists again."""
        last_counts = {item_type: self._last_counts.get((item_type, category), 0) for item_type in datasets}
        spans = _spans(last_counts, start, size)
        lists, missing = await self._query(spans, category)
        _require_answer(lists)
        counts = last_counts | {item_type: answer.count for item_type, answer in lists.items()}
        self._remember(counts, category)

        changed = {
            item_type: span
            for item_type, span in _spans(counts, start, size).items()
            if item_type in lists and span.limit and span != spans[item_type]
        }
        lists_again, newly_missing = await self._query(changed, category)
        missing = sorted({*missing, *newly_missing})
        lists |= lists_again
        remaining = [iter(() if item_type in missing else lists[item_type].items) for item_type in datasets]
        merged = [next(remaining[source], None) for source in interleave.sources(list(counts.values()), start, size)]
        return Page([item for item in merged if item is not None], sum(counts.values()), missing)

    async def _query(self, spans: Mapping[int, Span], category: str) -> tuple[dict[int, ListRange], list[int]]:
        return await self._datasets.query_all(
            {
                item_type: partial(self._datasets.get(item_type).list, category, *span)
                for item_type, span in spans.items()
            }
        )

    def _remember(self, counts: Mapping[int, int], category: str) -> None:
        for item_type, count in counts.items():
            if count or (item_type, category) in self._last_counts:
                self._last_counts[item_type, category] = count

    async def _search(self, datasets: Mapping[int, Dataset], start: int, size: int, category: str, search: str) -> Page:
        answers, missing = await self._datasets.query_all(
            {item_type: partial(dataset.search, search, category) for item_type, dataset in datasets.items()}
        )
        _require_answer(answers)

        def rank(hit: tuple[int, SearchHit]) -> tuple[int, str, int, str]:
            return hit[1].match, hit[1].name.casefold(), hit[0], hit[1].id

        hits = sorted(((item_type, hit) for item_type, hits in answers.items() for hit in hits), key=rank)
        refs = [ItemRef(item_type, hit.id) for item_type, hit in hits[start : start + size]]
        items, newly_missing = await self._datasets.fetch(refs)
        return Page([item for item in items if item is not None], len(hits), sorted({*missing, *newly_missing}))


def _spans(counts: Mapping[int, int], start: int, size: int) -> dict[int, Span]:
    """The part of each type's list that is on the page."""
    spans = interleave.spans(list(counts.values()), start, size)
    return {item_type: Span(*span) for item_type, span in zip(counts, spans, strict=True)}


def _require_answer(answers: Mapping[int, object]) -> None:
    if not answers:
        raise Unavailable("no dataset answers at the moment; try again later")
