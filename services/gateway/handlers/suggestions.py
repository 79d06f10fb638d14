"""What to see next."""

from typing import Any

from starlette.responses import Response

from seen.v1 import library_pb2
from services.gateway.backends import Backends
from services.gateway.convert import to_json
from services.gateway.http.responses import Json


class Suggestions:
    def __init__(self, backends: Backends) -> None:
        self._library = backends.library

    async def suggest(self, body: dict[str, Any], user: str | None) -> Response:
        """Personal if the request has a token."""
        request = library_pb2.SuggestRequest(subject=user or "", types=body.get("types", ()), amount=body["amount"])
        reply = to_json(await self._library.Suggest(request))
        for suggestion in reply["suggestions"]:
            if not suggestion["because"]:
                del suggestion["because"]
        return Json({"personal": user is not None, **reply})
