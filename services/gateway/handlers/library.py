"""Pages of the library, the most liked items, and the categories."""

from urllib.parse import quote, urlencode

from starlette.responses import Response

from seen.v1 import library_pb2
from services.gateway.backends import Backends
from services.gateway.convert import to_json
from services.gateway.http.responses import TaggedJson, revalidate_if_complete


class Library:
    def __init__(self, backends: Backends) -> None:
        self._library = backends.library

    async def list_items(
        self, page: int, size: int, type: str | None = None, category: str = "", search: str = ""
    ) -> Response:
        request = library_pb2.ListLibraryRequest(page=page, size=size, type=type, category=category, search=search)
        reply = to_json(await self._library.ListItems(request))
        pages = -(-reply["total"] // size)
        content = {
            "items": reply["items"],
            "page": page,
            "pages": pages,
            "size": size,
            "total": reply["total"],
            "missing": reply["missing"],
        }
        filters = {"size": size, "type": type, "category": category, "search": search}
        headers = {"Link": _links(page, pages, {name: value for name, value in filters.items() if value})}
        return TaggedJson(content, revalidate_if_complete(reply["missing"]), headers)

    async def get_top_ten(self, type: str) -> Response:
        return TaggedJson(to_json(await self._library.GetTopTen(library_pb2.GetTopTenRequest(type=type))))

    async def get_categories(self, type: str) -> Response:
        request = library_pb2.ListLibraryCategoriesRequest(type=type)
        return TaggedJson(to_json(await self._library.ListCategories(request)))


def _links(page: int, pages: int, query: dict[str, object]) -> str:
    """A Link header (RFC 8288) with paths relative to the server's root."""
    last = max(pages, 1)
    numbers = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
    parameters = urlencode(query, quote_via=quote)
    return ", ".join(
        f'</lib/{number}?{parameters}>; rel="{relation}"' for relation, number in numbers.items() if 1 <= number <= last
    )
