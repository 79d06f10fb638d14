"""seen.v1.Library: reads the request, asks the domain, writes the reply."""

from google.protobuf.empty_pb2 import Empty

from seen.v1 import library_pb2, library_pb2_grpc
from seen.v1.types_pb2 import Item
from services.common import checks
from services.common.server import Context
from services.library import marks, suggestions
from services.library.accounts import Accounts
from services.library.datasets import Datasets
from services.library.pages import HIGHEST_PAGE, Pages

MOST_ON_A_PAGE = 100
MOST_SUGGESTED = 100
LONGEST_SEARCH = 200
LONGEST_CATEGORY = 100


class LibraryServicer(library_pb2_grpc.LibraryServicer):
    def __init__(self, datasets: Datasets, accounts: Accounts) -> None:
        self._datasets = datasets
        self._accounts = accounts
        self._pages = Pages(datasets)

    async def ListItems(
        self, request: library_pb2.ListLibraryRequest, context: Context
    ) -> library_pb2.ListLibraryResponse:
        page = await self._pages.page(
            checks.integer("page", request.page, 1, HIGHEST_PAGE),
            checks.integer("size", request.size, 1, MOST_ON_A_PAGE),
            request.type,
            _text_if_any("category", request.category, LONGEST_CATEGORY),
            _text_if_any("search", request.search, LONGEST_SEARCH),
        )
        return library_pb2.ListLibraryResponse(items=page.items, total=page.total, missing=page.missing)

    async def GetItem(self, request: library_pb2.GetLibraryItemRequest, context: Context) -> Item:
        return await self._datasets.of(request.item.type).get(request.item.id)

    async def CreateItem(self, request: library_pb2.CreateLibraryItemRequest, context: Context) -> Item:
        return await self._datasets.of(request.item.type).create(request.item)

    async def DeleteItem(self, request: library_pb2.DeleteLibraryItemRequest, context: Context) -> Empty:
        await marks.delete_item(self._datasets, self._accounts, request.item)
        return Empty()

    async def MarkItem(self, request: library_pb2.MarkItemRequest, context: Context) -> Empty:
        await marks.mark(self._datasets, self._accounts, request.subject, request.item, request.kind)
        return Empty()

    async def UnmarkItem(self, request: library_pb2.UnmarkItemRequest, context: Context) -> Empty:
        await marks.unmark(self._datasets, self._accounts, request.subject, request.item, request.kind)
        return Empty()

    async def ListMarkedItems(
        self, request: library_pb2.ListMarkedItemsRequest, context: Context
    ) -> library_pb2.ListMarkedItemsResponse:
        page = await marks.marked_items(
            self._datasets, self._accounts, request.subject, request.kind, request.size, request.cursor
        )
        return library_pb2.ListMarkedItemsResponse(
            items=[library_pb2.MarkedItem(item=item, marked_at=marked_at) for item, marked_at in page.items],
            next_cursor=page.next_cursor,
            missing=page.missing,
        )

    async def GetTopTen(self, request: library_pb2.GetTopTenRequest, context: Context) -> library_pb2.GetTopTenResponse:
        top = await marks.top_ten(self._datasets, self._accounts, request.type)
        return library_pb2.GetTopTenResponse(items=[library_pb2.TopItem(item=item, likes=likes) for item, likes in top])

    async def Suggest(self, request: library_pb2.SuggestRequest, context: Context) -> library_pb2.SuggestResponse:
        amount = checks.integer("amount", request.amount, 1, MOST_SUGGESTED)
        suggested = await suggestions.suggest(self._datasets, self._accounts, request.subject, request.types, amount)
        return library_pb2.SuggestResponse(
            categories=suggested.categories,
            suggestions=[
                library_pb2.Suggestion(item=suggestion.item, because=suggestion.because)
                for suggestion in suggested.suggestions
            ],
            missing=suggested.missing,
        )


def _text_if_any(field: str, value: str, longest: int) -> str:
    """Blanks are not taken for none: they would bring the whole library."""
    return checks.text(field, value, longest) if value else ""
