"""Single items, and a user's marks on them."""

from typing import Any

from starlette.responses import Response

from seen.v1 import library_pb2
from seen.v1.account_pb2 import LIKE, NOT_INTERESTED, SEEN, MarkKind
from services.gateway.backends import Backends
from services.gateway.convert import new_item, ref, ref_from_path, to_json
from services.gateway.http.responses import Json, NoContent, TaggedJson, revalidate_if_complete


class Items:
    def __init__(self, backends: Backends) -> None:
        self._library = backends.library

    async def create_item(self, body: dict[str, Any]) -> Response:
        item = await self._library.CreateItem(library_pb2.CreateLibraryItemRequest(item=new_item(body)))
        created = to_json(item)
        return Json(created, 201, {"Location": f"/item/{created['type']}/{created['id']}"})

    async def get_item(self, type: str, id: str) -> Response:
        return TaggedJson(to_json(await self._library.GetItem(library_pb2.GetLibraryItemRequest(item=ref(type, id)))))

    async def get_items(self, items: list[str]) -> Response:
        request = library_pb2.BatchGetLibraryItemsRequest(items=[ref_from_path(path) for path in items])
        reply = to_json(await self._library.BatchGetItems(request))
        return TaggedJson(reply, revalidate_if_complete(reply["missing"]))

    async def delete_item(self, type: str, id: str) -> Response:
        await self._library.DeleteItem(library_pb2.DeleteLibraryItemRequest(item=ref(type, id)))
        return NoContent()

    async def mark_seen(self, type: str, id: str, user: str) -> Response:
        return await self._mark(type, id, user, SEEN)

    async def unmark_seen(self, type: str, id: str, user: str) -> Response:
        return await self._unmark(type, id, user, SEEN)

    async def like_item(self, type: str, id: str, user: str) -> Response:
        return await self._mark(type, id, user, LIKE)

    async def unlike_item(self, type: str, id: str, user: str) -> Response:
        return await self._unmark(type, id, user, LIKE)

    async def mark_not_interested(self, type: str, id: str, user: str) -> Response:
        return await self._mark(type, id, user, NOT_INTERESTED)

    async def unmark_not_interested(self, type: str, id: str, user: str) -> Response:
        return await self._unmark(type, id, user, NOT_INTERESTED)

    async def _mark(self, type: str, id: str, user: str, kind: MarkKind) -> Response:
        await self._library.MarkItem(library_pb2.MarkItemRequest(subject=user, item=ref(type, id), kind=kind))
        return NoContent()

    async def _unmark(self, type: str, id: str, user: str, kind: MarkKind) -> Response:
        await self._library.UnmarkItem(library_pb2.UnmarkItemRequest(subject=user, item=ref(type, id), kind=kind))
        return NoContent()
