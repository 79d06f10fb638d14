"""Marks and the top ten over gRPC."""

from dataclasses import replace

import pytest

from seen.v1 import account_pb2, library_pb2
from seen.v1.types_pb2 import BOOK, ItemRef
from services.common.errors import Internal, NotFound
from services.taste.domain import ItemRef as Ref
from tests.integration.library.library import ANA, Library


async def test_only_an_item_that_exists_can_be_marked(library: Library) -> None:
    request = library_pb2.MarkItemRequest(subject=ANA, item=ItemRef(type=BOOK, id="f" * 24), kind=account_pb2.SEEN)
    with pytest.raises(NotFound):
        await library.stub.MarkItem(request, timeout=5)
    assert not library.account.accounts.marks


async def test_a_mark_stores_the_categories_and_themes_of_the_item(library: Library) -> None:
    items = library.catalogs[BOOK].dataset.items
    items[0] = replace(items[0], category=["Sci-Fi", "Space"], themes=["Science Fiction", "Space"])
    request = library_pb2.MarkItemRequest(subject=ANA, item=library.ref(BOOK), kind=account_pb2.NOT_INTERESTED)
    await library.stub.MarkItem(request, timeout=5)
    assert library.account.last_mark == account_pb2.SetMarkRequest(
        subject=ANA,
        item=library.ref(BOOK),
        kind=account_pb2.NOT_INTERESTED,
        category=["Sci-Fi", "Space"],
        themes=["Science Fiction", "Space"],
    )


async def test_repeating_a_delete_that_failed_halfway_removes_the_marks(library: Library) -> None:
    item = library.ref(BOOK)
    library.account.accounts.marks.add(Ref(item.type, item.id))
    library.account.fails = True
    with pytest.raises(Internal):
        await library.stub.DeleteItem(library_pb2.DeleteLibraryItemRequest(item=item), timeout=5)

    library.account.fails = False
    with pytest.raises(NotFound):
        await library.stub.DeleteItem(library_pb2.DeleteLibraryItemRequest(item=item), timeout=5)
    assert not library.account.accounts.marks


async def test_the_top_ten_leaves_out_deleted_items(library: Library) -> None:
    first, second = library.ref(BOOK, 0), library.ref(BOOK, 1)
    library.account.accounts.likes = [
        (Ref(BOOK, "f" * 24), 9),
        (Ref(BOOK, second.id), 5),
        (Ref(BOOK, first.id), 5),
    ]
    answer = await library.stub.GetTopTen(library_pb2.GetTopTenRequest(type=BOOK), timeout=5)
    assert [(entry.item.name, entry.likes) for entry in answer.items] == [("BOOK 1", 5), ("BOOK 0", 5)]
