"""Single items, many items, and a type's categories over gRPC."""

import pytest

from seen.v1 import catalog_pb2, library_pb2
from seen.v1.types_pb2 import ANIME, BOOK, SHOW, ItemRef
from services.common.errors import InvalidArgument
from tests.integration.library.library import Library


async def test_an_item_without_a_known_type_is_refused(library: Library) -> None:
    with pytest.raises(InvalidArgument, match="type: must be one of BOOK, SHOW, ANIME"):
        await library.stub.GetItem(library_pb2.GetLibraryItemRequest(item=ItemRef(id="f" * 24)), timeout=5)


def batch(*items: ItemRef) -> library_pb2.BatchGetLibraryItemsRequest:
    return library_pb2.BatchGetLibraryItemsRequest(items=items)


async def test_many_items_come_in_the_order_of_the_request_without_those_that_do_not_exist(library: Library) -> None:
    unknown = ItemRef(type=SHOW, id="f" * 24)
    request = batch(library.ref(ANIME, 1), unknown, library.ref(BOOK, 2), library.ref(ANIME, 0))
    answer = await library.stub.BatchGetItems(request, timeout=5)
    assert [item.name for item in answer.items] == ["ANIME 1", "BOOK 2", "ANIME 0"]
    assert not answer.missing


async def test_many_items_name_the_type_that_does_not_answer(library: Library) -> None:
    library.catalogs[SHOW].fails = True
    answer = await library.stub.BatchGetItems(batch(library.ref(SHOW), library.ref(BOOK)), timeout=5)
    assert [item.name for item in answer.items] == ["BOOK 0"]
    assert list(answer.missing) == [SHOW]


async def test_more_than_100_items_at_once_are_refused(library: Library) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await library.stub.BatchGetItems(batch(*[library.ref(BOOK)] * 101), timeout=5)
    assert refused.value.field == "items"


async def test_the_categories_and_themes_of_a_type_are_counted(library: Library) -> None:
    request = library_pb2.ListLibraryCategoriesRequest(type=BOOK)
    counts = await library.stub.ListCategories(request, timeout=2)
    drama = [catalog_pb2.CategoryCount(name="Drama", items=3)]
    assert counts == catalog_pb2.ListCategoriesResponse(items=3, categories=drama, themes=drama)


async def test_categories_of_an_unknown_type_are_refused(library: Library) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await library.stub.ListCategories(library_pb2.ListLibraryCategoriesRequest(), timeout=2)
    assert refused.value.field == "type"
