"""/bestDirector and /moreConnected."""

import grpc
import pytest

from seen.v1 import spark_pb2
from services.common.errors import Unavailable
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.fakes import NOON

pytestmark = pytest.mark.asyncio(loop_scope="package")

PATHS = pytest.mark.parametrize(
    ("path", "method"), [("/bestDirector", "GetBestDirector"), ("/moreConnected", "GetMostConnected")]
)
RUNNING = spark_pb2.Computation(running=True, stage="reading principals", progress=0.25, retry_after_s=7)


def waiting(method: str) -> spark_pb2.GetBestDirectorResponse | spark_pb2.GetMostConnectedResponse:
    kind = spark_pb2.GetBestDirectorResponse if method == "GetBestDirector" else spark_pb2.GetMostConnectedResponse
    return kind(computation=RUNNING)


@PATHS
async def test_the_answer_contains_its_time_and_whether_it_is_stale(gateway: Gateway, path: str, method: str) -> None:
    response = await gateway.request("GET", path)
    assert response.status_code == 200
    answer = response.json()
    assert answer["winner"]["person"]["name"] == "Alfred Hitchcock"
    assert (answer["computedAt"], answer["stale"]) == ("2026-02-02T12:00:00Z", False)
    assert response.headers["cache-control"] == "public, max-age=60"


@PATHS
async def test_an_unchanged_answer_is_304(gateway: Gateway, path: str, method: str) -> None:
    etag = (await gateway.request("GET", path)).headers["etag"]
    assert (await gateway.request("GET", path, headers={"If-None-Match": etag})).status_code == 304


@PATHS
async def test_an_answer_may_have_no_winner(gateway: Gateway, path: str, method: str) -> None:
    fresh = gateway.fakes.spark.answers[method]
    without_winner = type(fresh)()
    without_winner.CopyFrom(fresh)
    without_winner.answer.ClearField("winner")  # type: ignore[attr-defined]
    gateway.fakes.spark.answers[method] = without_winner
    response = await gateway.request("GET", path)
    assert (response.status_code, "winner" in response.json()) == (200, False)


@PATHS
async def test_a_stale_answer_is_marked_and_cached_for_less_time(gateway: Gateway, path: str, method: str) -> None:
    fresh = gateway.fakes.spark.answers[method]
    stale = type(fresh)()
    stale.CopyFrom(fresh)
    stale.computation.CopyFrom(spark_pb2.Computation(computed_at=NOON, stale=True, running=True, progress=0.5))  # type: ignore[attr-defined]
    gateway.fakes.spark.answers[method] = stale
    response = await gateway.request("GET", path)
    assert response.json()["stale"] is True
    assert response.json()["computation"]["progress"] == 0.5
    assert response.headers["cache-control"] == "public, max-age=5"


@PATHS
async def test_a_question_without_an_answer_is_202_with_the_progress(gateway: Gateway, path: str, method: str) -> None:
    gateway.fakes.spark.answers[method] = waiting(method)
    response = await gateway.request("GET", path)
    assert response.status_code == 202
    assert response.json() == {
        "running": True,
        "stage": "reading principals",
        "progress": 0.25,
        "retryAfterSeconds": 7,
    }
    assert response.headers["retry-after"] == "7"


@PATHS
async def test_an_administrator_starts_a_new_computation(gateway: Gateway, path: str, method: str) -> None:
    response = await gateway.as_admin("POST", path)
    assert response.status_code == 202
    assert gateway.fakes.spark.calls[0][1].refresh is True


@PATHS
async def test_only_an_administrator_starts_a_computation(gateway: Gateway, path: str, method: str) -> None:
    assert (await gateway.request("POST", path)).status_code == 401
    assert (await gateway.as_user("POST", path)).status_code == 403
    assert gateway.fakes.calls == []


@PATHS
async def test_a_failed_computation_is_503_with_the_reason(gateway: Gateway, path: str, method: str) -> None:
    gateway.fakes.spark.errors[method] = Unavailable("there is no Java on this machine")
    response = await gateway.request("GET", path)
    assert (response.status_code, response.json()["detail"]) == (503, "there is no Java on this machine")


@PATHS
async def test_a_service_that_is_not_running_is_503(gateway: Gateway, path: str, method: str) -> None:
    gateway.fakes.spark.errors[method] = grpc.StatusCode.UNAVAILABLE
    response = await gateway.request("GET", path)
    assert response.status_code == 503
    assert "not running" in response.json()["detail"]


async def test_the_thresholds_and_their_defaults_are_passed_on(gateway: Gateway) -> None:
    await gateway.request("GET", "/bestDirector", params={"minFilms": 3, "minVotes": 100})
    await gateway.request("GET", "/bestDirector")
    requests = [request for _, request in gateway.fakes.spark.calls]
    assert [(request.min_films, request.min_votes) for request in requests] == [(3, 100), (10, 10_000)]
