"""What to see next."""

from typing import Any

from starlette.responses import Response

from seen.v1 import library_pb2
from services.gateway import convert
from services.gateway.backends import Backends
from services.gateway.http.responses import Json


class Suggestions:
    def __init__(self, backends: Backends) -> None:
        self._library = backends.library

    async def suggest(self, body: dict[str, Any], user: str | None) -> Response:
        """Personal where there was a token."""
        request = library_pb2.SuggestRequest(
            subject=user or "",
            types=body.get("types", ()),
            amount=body["amount"],
        )
        return Json(convert.suggestions(await self._library.Suggest(request), personal=user is not None))
