"""Marking items, and what the marks add up to: a person's lists and everybody's top ten."""

from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from seen.v1.account_pb2 import MarkKind
from seen.v1.types_pb2 import Item, ItemRef, ItemType
from services.common.errors import NotFound, Unavailable
from services.library.accounts import Accounts
from services.library.datasets import Datasets
from services.library.pages import fetch

TOP = 10
# More than ten are asked for, in case some have been deleted and their marks are still being removed.
TOP_ASKED = 2 * TOP


@dataclass(frozen=True)
class MarkedPage:
    items: Sequence[tuple[Item, Timestamp]]
    next_cursor: str
    missing: Sequence[ItemType]


async def mark(datasets: Datasets, accounts: Accounts, subject: str, ref: ItemRef, kind: MarkKind) -> None:
    """NotFound if there is no such item."""
    item = await datasets.of(ref.type).get(ref.id)
    await accounts.set_mark(subject, item, kind)


async def unmark(datasets: Datasets, accounts: Accounts, subject: str, ref: ItemRef, kind: MarkKind) -> None:
    """Takes the mark back, also of an item that is gone or whose dataset does not answer."""
    await accounts.remove_mark(subject, ItemRef(type=datasets.of(ref.type).type, id=ref.id), kind)


async def delete_item(datasets: Datasets, accounts: Accounts, ref: ItemRef) -> None:
    """Removes the item, then everyone's marks on it; even if it is gone already, as a failure may leave some."""
    try:
        await datasets.of(ref.type).delete(ref.id)
    except NotFound:
        await accounts.remove_item_marks(ref)
        raise
    await accounts.remove_item_marks(ref)


async def marked_items(
    datasets: Datasets, accounts: Accounts, subject: str, kind: MarkKind, size: int, cursor: str
) -> MarkedPage:
    page = await accounts.list_marks(subject, kind, size, cursor)
    items, missing = await fetch(datasets, [mark.item for mark in page.marks])
    marked = [(item, mark.marked_at) for item, mark in zip(items, page.marks, strict=True) if item]
    return MarkedPage(marked, page.next_cursor, missing)


async def top_ten(datasets: Datasets, accounts: Accounts, item_type: ItemType) -> Sequence[tuple[Item, int]]:
    """The most liked items with their likes, most first."""
    liked = await accounts.top_items(datasets.of(item_type).type, TOP_ASKED)
    items, missing = await fetch(datasets, [entry.item for entry in liked])
    if missing:
        raise Unavailable(f"the {ItemType.Name(item_type)} items do not answer; try again later")
    return [(item, entry.likes) for item, entry in zip(items, liked, strict=True) if item][:TOP]
