"""Marks on items, a user's marked items, and the ten most liked items of a type."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.common.errors import NotFound, Unavailable
from services.library.datasets import Datasets
from services.library.domain import Accounts
from services.taste.domain import Item, ItemRef

TOP = 10
# More than TOP, because some may be deleted items whose marks have not been removed yet.
TOP_CANDIDATES = 2 * TOP


@dataclass(frozen=True)
class MarkedPage:
    items: Sequence[tuple[Item, object]]  # with the time of the mark
    next_cursor: str
    missing: Sequence[int]


async def mark(datasets: Datasets, accounts: Accounts, subject: str, ref: ItemRef, kind: int) -> None:
    """NotFound if there is no such item."""
    item = await datasets.get(ref.type).get(ref.id)
    await accounts.set_mark(subject, item, kind)


async def unmark(datasets: Datasets, accounts: Accounts, subject: str, ref: ItemRef, kind: int) -> None:
    """The item need not exist, nor its dataset answer."""
    datasets.get(ref.type)
    await accounts.remove_mark(subject, ref, kind)


async def delete_item(datasets: Datasets, accounts: Accounts, ref: ItemRef) -> None:
    """Deletes the item, then all users' marks on it. NotFound if there is no such item.

    Marks that are left over from an earlier call that failed are removed even then.
    """
    try:
        await datasets.get(ref.type).delete(ref.id)
    except NotFound:
        await accounts.remove_item_marks(ref)
        raise
    await accounts.remove_item_marks(ref)


async def marked_items(
    datasets: Datasets, accounts: Accounts, subject: str, kind: int, size: int, cursor: str
) -> MarkedPage:
    page = await accounts.list_marks(subject, kind, size, cursor)
    items, missing = await datasets.fetch([ref for ref, _ in page.marks])
    marked = [(item, marked_at) for item, (_, marked_at) in zip(items, page.marks, strict=True) if item is not None]
    return MarkedPage(marked, page.next_cursor, missing)


async def top_ten(datasets: Datasets, accounts: Accounts, item_type: int) -> Sequence[tuple[Item, int]]:
    """The most liked items with their likes, most first."""
    dataset = datasets.get(item_type)
    liked = await accounts.top_items(item_type, TOP_CANDIDATES)
    top: list[tuple[Item, int]] = []
    for candidates in (liked[:TOP], liked[TOP:]):
        if len(top) < TOP:
            items, missing = await datasets.fetch([ref for ref, _ in candidates])
            if missing:
                raise Unavailable(f"the {dataset.name} items do not answer; try again later")
            top += [(item, likes) for item, (_, likes) in zip(items, candidates, strict=True) if item is not None]
    return top[:TOP]
