"""Pages of the library, and what is liked most."""

from urllib.parse import quote, urlencode

from starlette.responses import Response

from seen.v1 import library_pb2
from services.gateway import convert
from services.gateway.backends import Backends
from services.gateway.http.responses import NO_STORE, REVALIDATE, Cacheable


class Library:
    def __init__(self, backends: Backends) -> None:
        self._library = backends.library

    async def list_items(
        self, page: int, size: int, type: str | None = None, category: str = "", search: str = ""
    ) -> Response:
        request = library_pb2.ListLibraryRequest(
            page=page,
            size=size,
            type=type,
            category=category,
            search=search,
        )
        found = await self._library.ListItems(request)
        pages = -(-found.total // size)
        content = {
            "items": [convert.item(item) for item in found.items],
            "page": page,
            "pages": pages,
            "size": size,
            "total": found.total,
            "missing": convert.types(found.missing),
        }
        query = {"size": size, "type": type, "category": category, "search": search}
        headers = {"Link": _links(page, pages, {name: value for name, value in query.items() if value})}
        # Half a page is not worth keeping.
        return Cacheable(content, NO_STORE if found.missing else REVALIDATE, headers)

    async def get_top_ten(self, type: str) -> Response:
        request = library_pb2.GetTopTenRequest(type=type)
        return Cacheable(convert.top_ten(await self._library.GetTopTen(request)))


def _links(page: int, pages: int, query: dict[str, object]) -> str:
    """https://www.rfc-editor.org/rfc/rfc8288, relative to the server's root."""
    numbers = {"first": 1, "prev": page - 1, "next": page + 1, "last": max(pages, 1)}
    tail = urlencode(query, quote_via=quote)
    return ", ".join(
        f'</lib/{number}?{tail}>; rel="{relation}"'
        for relation, number in numbers.items()
        if 1 <= number <= max(pages, 1)
    )
