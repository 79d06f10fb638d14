"""What suggestions are learned from: people's marks, in a model that is trained in the background."""

from typing import Any

from starlette.responses import Response

from seen.v1 import spark_pb2
from services.common.errors import NoAnswer
from services.gateway.backends import Backends
from services.gateway.convert import to_json
from services.gateway.handlers.spark import accepted, progress
from services.gateway.http import problems
from services.gateway.http.responses import Cacheable

MAX_AGE = "public, max-age=5"


class SuggestionModel:
    def __init__(self, backends: Backends) -> None:
        self._spark = backends.spark

    async def get_suggestion_model(self) -> Response:
        reply = await self._get_model(train=False)
        content: dict[str, Any] = {"trained": reply.HasField("model")}
        if content["trained"]:
            content |= to_json(reply.model) | {"stale": reply.computation.stale}
        if reply.computation.running or reply.computation.failure:
            content["computation"] = progress(reply.computation)
        return Cacheable(content, MAX_AGE)

    async def train_suggestion_model(self) -> Response:
        return accepted((await self._get_model(train=True)).computation)

    async def _get_model(self, *, train: bool) -> spark_pb2.GetModelResponse:
        """Where the service is not installed, retrying would not help, so users are told."""
        try:
            return await self._spark.GetModel(spark_pb2.GetModelRequest(train=train))
        except NoAnswer as error:
            raise problems.unavailable("the service that trains the suggestion model is not running") from error
