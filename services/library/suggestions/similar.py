"""The items that people who marked an item also marked."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.library.datasets import Datasets
from services.library.domain import Item, ItemRef
from services.library.suggestions.models import Models

# Read in addition, because some neighbours have been deleted since the training.
SPARE_ITEMS = 10


@dataclass(frozen=True)
class SimilarItems:
    items: Sequence[Item]
    missing: Sequence[int]


async def similar_items(datasets: Datasets, models: Models, ref: ItemRef, limit: int) -> SimilarItems:
    """The item's neighbours over all types, nearest first; none before a training.

    NotFound if there is no such item.
    """
    await datasets.get(ref.type).get(ref.id)
    items, missing = await datasets.fetch(models.similar(ref, limit + SPARE_ITEMS))
    return SimilarItems([item for item in items if item is not None][:limit], missing)
