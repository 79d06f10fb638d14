"""Two questions over all of IMDb, whose answers are computed in the background."""

from collections.abc import Awaitable
from typing import Any, TypeVar

from starlette.responses import Response

from seen.v1 import spark_pb2
from services.common.errors import NoAnswer
from services.gateway.backends import Backends
from services.gateway.convert import to_json
from services.gateway.http import problems
from services.gateway.http.responses import Json, TaggedJson

FRESH = "public, max-age=60"
STALE = "public, max-age=5"
DEFAULT_RETRY_AFTER_S = 5
PURPOSE = "for questions over all of IMDb"

R = TypeVar("R")


class Spark:
    def __init__(self, backends: Backends) -> None:
        self._spark = backends.spark

    async def get_best_director(self, min_films: int, min_votes: int) -> Response:
        request = spark_pb2.GetBestDirectorRequest(min_films=min_films, min_votes=min_votes)
        return _answered(await reply_of(self._spark.GetBestDirector(request), PURPOSE))

    async def refresh_best_director(self, min_films: int, min_votes: int) -> Response:
        request = spark_pb2.GetBestDirectorRequest(min_films=min_films, min_votes=min_votes, refresh=True)
        return accepted((await reply_of(self._spark.GetBestDirector(request), PURPOSE)).computation)

    async def get_most_connected(self) -> Response:
        return _answered(await reply_of(self._spark.GetMostConnected(spark_pb2.GetMostConnectedRequest()), PURPOSE))

    async def refresh_most_connected(self) -> Response:
        request = spark_pb2.GetMostConnectedRequest(refresh=True)
        return accepted((await reply_of(self._spark.GetMostConnected(request), PURPOSE)).computation)


async def reply_of(call: Awaitable[R], purpose: str) -> R:
    """The connector's reply. Raises a 503 problem if it is not running: an installation may do without it."""
    try:
        return await call
    except NoAnswer as error:
        raise problems.unavailable(f"the service {purpose} is not running") from error


def _answered(reply: Any) -> Response:
    """200 with the stored answer. Before the first answer is stored: 202 with the state of its computation."""
    computation = reply.computation
    if not reply.HasField("answer"):
        return accepted(computation)
    content = to_json(reply.answer) | {"stale": computation.stale}
    if computation.HasField("computed_at"):
        content["computedAt"] = computation.computed_at.ToJsonString()
    if computation.stale or computation.running or computation.failure:
        content["computation"] = progress(computation)
    return TaggedJson(content, STALE if computation.stale else FRESH)


def accepted(computation: spark_pb2.Computation) -> Response:
    """202 with the state of the computation."""
    wait_s = computation.retry_after_s if computation.retry_after_s > 0 else DEFAULT_RETRY_AFTER_S
    return Json(progress(computation), 202, {"Retry-After": str(wait_s)})


def progress(computation: spark_pb2.Computation) -> dict[str, Any]:
    content: dict[str, Any] = {"running": computation.running}
    if computation.running:
        content |= {"stage": computation.stage, "progress": computation.progress}
    if computation.failure:
        content["failure"] = computation.failure
    if computation.retry_after_s > 0:
        content["retryAfterSeconds"] = computation.retry_after_s
    return content
