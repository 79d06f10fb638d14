"""Suggestions, similar items, and the model that both are made with."""

from typing import Any

from starlette.responses import Response

from seen.v1 import library_pb2, spark_pb2
from services.gateway.backends import Backends
from services.gateway.convert import ref, to_json
from services.gateway.handlers.spark import accepted, progress, reply_of
from services.gateway.http.responses import Json, TaggedJson, revalidate_if_complete

MODEL_MAX_AGE = "public, max-age=5"


class Suggestions:
    def __init__(self, backends: Backends) -> None:
        self._library = backends.library
        self._spark = backends.spark

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
        return TaggedJson(reply, revalidate_if_complete(reply["missing"]))

    async def get_suggestion_model(self) -> Response:
        reply = await self._get_model(train=False)
        content: dict[str, Any] = {"trained": reply.HasField("model")}
        if content["trained"]:
            content |= to_json(reply.model) | {"stale": reply.computation.stale}
        if reply.computation.running or reply.computation.failure:
            content["computation"] = progress(reply.computation)
        return TaggedJson(content, MODEL_MAX_AGE)

    async def train_suggestion_model(self) -> Response:
        return accepted((await self._get_model(train=True)).computation)

    async def _get_model(self, *, train: bool) -> spark_pb2.GetModelResponse:
        request = spark_pb2.GetModelRequest(train=train)
        return await reply_of(self._spark.GetModel(request), "that trains the suggestion model")


def _because(reason: dict[str, Any]) -> dict[str, Any]:
    """The message Reason, without the nesting that only the protocol needs."""
    if "items" in reason:
        return {"items": reason["items"]["items"]}
    if "category" in reason:
        return {name: reason["category"][name] for name in ("category", "seen", "liked")}
    return {"popular": True}
