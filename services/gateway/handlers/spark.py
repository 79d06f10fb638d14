"""Two questions over all of IMDb, whose answers are computed in the background."""

from typing import Any

from starlette.responses import Response

from seen.v1 import spark_pb2
from services.common.errors import NoAnswer
from services.gateway import convert
from services.gateway.backends import Backends
from services.gateway.http import problems
from services.gateway.http.responses import Cacheable, Json

FRESH = "public, max-age=60"
STALE = "public, max-age=5"
ASK_AGAIN_S = 5


class Spark:
    def __init__(self, backends: Backends) -> None:
        self._spark = backends.spark

    async def get_best_director(self, min_films: int, min_votes: int) -> Response:
        request = spark_pb2.GetBestDirectorRequest(min_films=min_films, min_votes=min_votes)
        found = await _asked(self._spark.GetBestDirector(request))
        if not found.HasField("answer"):
            return _accepted(found.computation)
        return Cacheable(convert.best_director(found), STALE if found.computation.stale else FRESH)

    async def refresh_best_director(self, min_films: int, min_votes: int) -> Response:
        request = spark_pb2.GetBestDirectorRequest(min_films=min_films, min_votes=min_votes, refresh=True)
        return _accepted((await _asked(self._spark.GetBestDirector(request))).computation)

    async def get_most_connected(self) -> Response:
        found = await _asked(self._spark.GetMostConnected(spark_pb2.GetMostConnectedRequest()))
        if not found.HasField("answer"):
            return _accepted(found.computation)
        return Cacheable(convert.most_connected(found), STALE if found.computation.stale else FRESH)

    async def refresh_most_connected(self) -> Response:
        request = spark_pb2.GetMostConnectedRequest(refresh=True)
        return _accepted((await _asked(self._spark.GetMostConnected(request))).computation)


async def _asked(call: Any) -> Any:
    """The service's answer. Where it does not run at all, the user is told so rather than to try again."""
    try:
        return await call
    except NoAnswer as error:
        detail = "the service that answers questions over all of IMDb is not running here"
        raise problems.unavailable(detail) from error


def _accepted(computation: spark_pb2.Computation) -> Response:
    wait_s = computation.retry_after_s if computation.retry_after_s > 0 else ASK_AGAIN_S
    return Json(convert.computation(computation), 202, {"Retry-After": str(wait_s)})
