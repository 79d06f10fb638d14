"""What to see next, and what goes together with an item."""

from typing import Any

from starlette.responses import Response

from seen.v1 import library_pb2
from services.gateway.backends import Backends
from services.gateway.convert import ref, to_json
from services.gateway.http.responses import NO_STORE, REVALIDATE, Cacheable, Json


class Suggestions:
    def __init__(self, backends: Backends) -> None:
        self._library = backends.library

    async def suggest(self, body: dict[str, Any], user: str | None) -> Response:
        """Personal if the request has a token."""
        request = library_pb2.SuggestRequest(
            subject=user or "",
            types=body.get("types", ()),
            amount=body["amount"],
            strategy=body["strategy"].upper(),
            seed=body.get("seed"),
            exclude=[ref(**item) for item in body.get("exclude", ())],
            likes=[ref(**item) for item in body.get("likes", ())],
        )
        reply = to_json(await self._library.Suggest(request))
        for suggestion in reply["suggestions"]:
            if "because" in suggestion:
                suggestion["because"] = _because(suggestion["because"])
        return Json({"personal": user is not None, **reply})

    async def list_similar(self, type: str, id: str, limit: int) -> Response:
        request = library_pb2.ListSimilarRequest(item=ref(type, id), limit=limit)
        reply = to_json(await self._library.ListSimilar(request))
        # A partial list must not outlive the failure.
        return Cacheable(reply, NO_STORE if reply["missing"] else REVALIDATE)


def _because(reason: dict[str, Any]) -> dict[str, Any]:
    """The message Reason, without the levels that only the protocol needs."""
    if "items" in reason:
        return {"items": reason["items"]["items"]}
    if "category" in reason:
        return {name: reason["category"][name] for name in ("category", "seen", "liked")}
    return {"popular": True}
