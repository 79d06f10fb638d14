"""Suggestions by the strategy that a request names."""

from enum import StrEnum

from services.library import metrics
from services.library.datasets import Datasets
from services.library.domain import Accounts
from services.library.suggestions import by_taste, by_theme
from services.library.suggestions.models import Models
from services.library.suggestions.request import Request, Suggestions, named_items, selected_types


class Strategy(StrEnum):
    """The names in the REST API."""

    CATEGORIES = "categories"
    TASTE = "taste"


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
        suggested = {suggestion.item.type for suggestion in answer.suggestions}
        for item_type in types:
            if item_type not in answer.missing:
                name = self._datasets.get(item_type).name
                metrics.count_suggestions(name, strategy, empty=item_type not in suggested)
        return answer
