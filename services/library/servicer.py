"""seen.v1.Library: reads the request, calls the rules, writes the reply."""

import secrets
from collections.abc import Mapping
from typing import Any, cast

from google.protobuf.empty_pb2 import Empty

from seen.v1 import account_pb2, catalog_pb2, library_pb2, library_pb2_grpc, types_pb2
from services.common import checks
from services.common.errors import InvalidArgument
from services.common.server import Context
from services.library import marks
from services.library.datasets import Datasets
from services.library.domain import Accounts, ThemePoints
from services.library.pages import LibraryPages
from services.library.suggestions.models import Models
from services.library.suggestions.request import BecauseOfItems, BecausePopular, Reason, Request
from services.library.suggestions.suggester import Strategy, Suggester
from services.taste.domain import ItemRef

MAX_PAGE = 2**53  # the largest integer that every JSON reader represents exactly
MAX_PAGE_SIZE = 100
MAX_BATCH = 100
MAX_SUGGESTIONS = 100  # per type and theme
MAX_EXCLUDED = 200
MAX_LIKES = 50
MAX_SIMILAR = 100
SEED_BITS = 32
MAX_SEARCH, MAX_CATEGORY = 200, 100  # characters


class LibraryServicer(library_pb2_grpc.LibraryServicer):
    def __init__(self, datasets: Datasets, accounts: Accounts, models: Models) -> None:
        self._datasets = datasets
        self._accounts = accounts
        self._pages = LibraryPages(datasets)
        self._suggester = Suggester(datasets, accounts, models)

    async def ListItems(
        self, request: library_pb2.ListLibraryRequest, context: Context
    ) -> library_pb2.ListLibraryResponse:
        page = await self._pages.page(
            checks.integer("page", request.page, 1, MAX_PAGE),
            checks.integer("size", request.size, 1, MAX_PAGE_SIZE),
            request.type,
            _optional_text("category", request.category, MAX_CATEGORY),
            _optional_text("search", request.search, MAX_SEARCH),
        )
        return library_pb2.ListLibraryResponse(items=_pb(page.items), total=page.total, missing=_pb(page.missing))

    async def GetItem(self, request: library_pb2.GetLibraryItemRequest, context: Context) -> types_pb2.Item:
        item = await self._datasets.get(request.item.type).get(request.item.id)
        return cast(types_pb2.Item, item)

    async def BatchGetItems(
        self, request: library_pb2.BatchGetLibraryItemsRequest, context: Context
    ) -> library_pb2.BatchGetLibraryItemsResponse:
        checks.max_entries("items", len(request.items), MAX_BATCH)
        items, missing = await self._datasets.fetch([_ref(ref) for ref in request.items])
        return library_pb2.BatchGetLibraryItemsResponse(
            items=[_pb(item) for item in items if item is not None], missing=_pb(missing)
        )

    async def CreateItem(self, request: library_pb2.CreateLibraryItemRequest, context: Context) -> types_pb2.Item:
        item = await self._datasets.get(request.item.type).create(request.item)
        return cast(types_pb2.Item, item)

    async def DeleteItem(self, request: library_pb2.DeleteLibraryItemRequest, context: Context) -> Empty:
        await marks.delete_item(self._datasets, self._accounts, _ref(request.item))
        return Empty()

    async def ListSimilar(
        self, request: library_pb2.ListSimilarRequest, context: Context
    ) -> library_pb2.ListSimilarResponse:
        limit = checks.integer("limit", request.limit, 1, MAX_SIMILAR)
        similar = await self._suggester.similar(_ref(request.item), limit)
        return library_pb2.ListSimilarResponse(items=_pb(similar.items), missing=_pb(similar.missing))

    async def ListCategories(
        self, request: library_pb2.ListLibraryCategoriesRequest, context: Context
    ) -> catalog_pb2.ListCategoriesResponse:
        counts = await self._datasets.get(request.type).categories()
        return catalog_pb2.ListCategoriesResponse(
            items=counts.items, categories=_counts(counts.categories), themes=_counts(counts.themes)
        )

    async def MarkItem(self, request: library_pb2.MarkItemRequest, context: Context) -> Empty:
        await marks.mark(self._datasets, self._accounts, request.subject, _ref(request.item), request.kind)
        return Empty()

    async def UnmarkItem(self, request: library_pb2.UnmarkItemRequest, context: Context) -> Empty:
        await marks.unmark(self._datasets, self._accounts, request.subject, _ref(request.item), request.kind)
        return Empty()

    async def ListMarkedItems(
        self, request: library_pb2.ListMarkedItemsRequest, context: Context
    ) -> library_pb2.ListMarkedItemsResponse:
        page = await marks.marked_items(
            self._datasets, self._accounts, request.subject, request.kind, request.size, request.cursor
        )
        return library_pb2.ListMarkedItemsResponse(
            items=[library_pb2.MarkedItem(item=_pb(item), marked_at=_pb(marked_at)) for item, marked_at in page.items],
            next_cursor=page.next_cursor,
            missing=_pb(page.missing),
        )

    async def GetTopTen(self, request: library_pb2.GetTopTenRequest, context: Context) -> library_pb2.GetTopTenResponse:
        top = await marks.top_ten(self._datasets, self._accounts, request.type)
        return library_pb2.GetTopTenResponse(
            items=[library_pb2.TopItem(item=_pb(item), likes=likes) for item, likes in top]
        )

    async def Suggest(self, request: library_pb2.SuggestRequest, context: Context) -> library_pb2.SuggestResponse:
        checks.max_entries("exclude", len(request.exclude), MAX_EXCLUDED)
        checks.max_entries("likes", len(request.likes), MAX_LIKES)
        seed = request.seed if request.HasField("seed") else secrets.randbits(SEED_BITS)
        answer = await self._suggester.suggest(
            _strategy(request.strategy),
            Request(
                request.subject,
                request.types,
                checks.integer("amount", request.amount, 1, MAX_SUGGESTIONS),
                seed,
                exclude=[_ref(ref) for ref in request.exclude],
                likes=[_ref(ref) for ref in request.likes],
            ),
        )
        return library_pb2.SuggestResponse(
            categories=map(_theme_points, answer.themes),
            suggestions=[
                library_pb2.Suggestion(item=_pb(suggestion.item), because=_reason(suggestion.because))
                for suggestion in answer.suggestions
            ],
            missing=_pb(answer.missing),
            seed=seed,
        )


def _strategy(number: int) -> Strategy:
    try:
        return Strategy(library_pb2.Strategy.Name(cast(library_pb2.Strategy, number)).lower())
    except ValueError:
        raise InvalidArgument("strategy", f"must be one of {', '.join(Strategy)}") from None


def _counts(counts: Mapping[str, int]) -> list[catalog_pb2.CategoryCount]:
    return [catalog_pb2.CategoryCount(name=name, items=items) for name, items in counts.items()]


def _theme_points(entry: ThemePoints) -> account_pb2.CategoryPoints:
    return account_pb2.CategoryPoints(category=entry.theme, points=entry.points, seen=entry.seen, liked=entry.liked)


def _reason(reason: Reason | None) -> library_pb2.Reason | None:
    match reason:
        case ThemePoints():
            return library_pb2.Reason(category=_theme_points(reason))
        case BecauseOfItems(items):
            return library_pb2.Reason(items=library_pb2.ItemsReason(items=_pb(items)))
        case BecausePopular():
            return library_pb2.Reason(popular=library_pb2.PopularReason())
    return None


def _ref(ref: types_pb2.ItemRef) -> ItemRef:
    return ItemRef(ref.type, ref.id)


def _pb(value: object) -> Any:
    """A message or enum number that has passed through the rules unchanged: tells the type checker that it fits."""
    return value


def _optional_text(field: str, value: str, max_length: int) -> str:
    """Reject whitespace-only filters; treating them as unset would return the whole library."""
    return checks.text(field, value, max_length) if value else ""
