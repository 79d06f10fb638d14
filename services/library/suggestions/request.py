"""A request for suggestions and its answer, the same for every strategy."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.common.errors import InvalidArgument
from services.library.datasets import Datasets
from services.library.domain import ThemePoints
from services.taste.domain import Item, ItemRef, Mark


@dataclass(frozen=True)
class Request:
    subject: str  # empty for suggestions that are not personal
    types: Sequence[int]  # empty for all
    amount: int  # per type, and per theme where a strategy chooses themes
    seed: int  # 0 to 2**32 - 1
    exclude: Sequence[ItemRef] = ()
    likes: Sequence[ItemRef] = ()  # items to be treated as liked


@dataclass(frozen=True)
class BecauseOfItems:
    """The items of the user that are the reason, the strongest first."""

    items: Sequence[Item]


@dataclass(frozen=True)
class BecausePopular:
    """Many people rate or like the item."""


# ThemePoints: a theme of the item, with the user's points for it.
Reason = ThemePoints | BecauseOfItems | BecausePopular


@dataclass(frozen=True)
class Suggestion:
    item: Item
    because: Reason | None  # None if the whole dataset was sampled


@dataclass(frozen=True)
class Suggestions:
    themes: Sequence[ThemePoints]  # the themes that the items were chosen by, most points first
    suggestions: Sequence[Suggestion]
    missing: Sequence[int]  # item types whose dataset did not answer


@dataclass(frozen=True)
class NamedItems:
    """The items that a request names."""

    # Items to be treated as liked, without duplicates. An item whose dataset does not answer has no categories.
    likes: Sequence[Mark]
    # Items that are not to be suggested: `exclude` and `likes` of the request.
    left_out: frozenset[ItemRef]
    missing: Sequence[int]  # types of these items whose dataset did not answer


def selected_types(datasets: Datasets, types: Sequence[int]) -> Sequence[int]:
    """The requested types, or all. InvalidArgument for a type without a dataset or a type that is named twice."""
    if len(set(types)) < len(types):
        raise InvalidArgument("types", "names a type more than once")
    for item_type in types:
        datasets.get(item_type)
    return types or list(datasets.by_type)


async def named_items(datasets: Datasets, request: Request) -> NamedItems:
    """Looks up the items that the request names, in one call per dataset.

    InvalidArgument for an item that does not exist; the error's field is its place, such as "likes.3.id".
    """
    fields = [
        *((f"likes.{number}", ref) for number, ref in enumerate(request.likes)),
        *((f"exclude.{number}", ref) for number, ref in enumerate(request.exclude)),
    ]
    for field, ref in fields:
        datasets.get(ref.type, f"{field}.type")
    if not fields:
        return NamedItems((), frozenset(), ())
    items, missing = await datasets.fetch([ref for _, ref in fields])
    for (field, ref), item in zip(fields, items, strict=True):
        if item is None and ref.type not in missing:
            name = datasets.get(ref.type).name
            raise InvalidArgument(f"{field}.id", f"the {name} items have none with this id")
    item_by_ref = dict(zip((ref for _, ref in fields), items, strict=True))
    likes = [_like(ref, item_by_ref[ref]) for ref in dict.fromkeys(request.likes)]
    return NamedItems(likes, frozenset(item_by_ref), missing)


def _like(ref: ItemRef, item: Item | None) -> Mark:
    return Mark(ref, seen=False, liked=True, category=item.category if item else (), themes=item.themes if item else ())
