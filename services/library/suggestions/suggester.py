"""Suggestions by the strategy that a request names, and similar items."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from services.common.errors import Unavailable
from services.library import metrics
from services.library.datasets import Datasets
from services.library.domain import Accounts
from services.library.suggestions import by_taste, by_theme
from services.library.suggestions.models import Models
from services.library.suggestions.request import Request, Suggestions, named_items, selected_types
from services.taste.domain import Item, ItemRef

# Similar items that are read in addition, because some have been deleted since the training.
SPARE_SIMILAR = 10


class Strategy(StrEnum):
    """The names in the REST API."""

    CATEGORIES = "categories"
    TASTE = "taste"


@dataclass(frozen=True)
class SimilarItems:
    items: Sequence[Item]
    missing: Sequence[int]


class Suggester:
    def __init__(self, datasets: Datasets, accounts: Accounts, models: Models) -> None:
        self._datasets = datasets
        self._accounts = accounts
        self._models = models

    async def suggest(self, strategy: Strategy, request: Request) -> Suggestions:
        """InvalidArgument for unknown types and items; Unavailable if no requested dataset answers."""
        types = selected_types(self._datasets, request.types)
        named = await named_items(self._datasets, request)
        if strategy is Strategy.TASTE:
            answer = await by_taste.suggest(self._datasets, self._accounts, self._models, types, request, named)
        else:
            answer = await by_theme.suggest(self._datasets, self._accounts, types, request, named)
        if len(answer.missing) == len(types):
            raise Unavailable("none of the requested datasets answers at the moment; try again later")
        missing = list(dict.fromkeys([*answer.missing, *named.missing]))
        suggested = {suggestion.item.type for suggestion in answer.suggestions}
        for item_type in types:
            if item_type not in missing:
                name = self._datasets.get(item_type).name
                metrics.count_suggestions(name, strategy, empty=item_type not in suggested)
        return replace(answer, missing=missing)

    async def similar(self, ref: ItemRef, limit: int) -> SimilarItems:
        """What people who marked the item also marked, of all types, nearest first; nothing before a training.

        NotFound if there is no such item.
        """
        await self._datasets.get(ref.type).get(ref.id)
        items, missing = await self._datasets.fetch(self._models.similar(ref, limit + SPARE_SIMILAR))
        return SimilarItems([item for item in items if item is not None][:limit], missing)
