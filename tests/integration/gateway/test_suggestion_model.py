"""GET and POST /suggest/model."""

import pytest

from seen.v1 import spark_pb2
from services.common.errors import Unavailable
from tests.integration.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="package")

PATH = "/suggest/model"
RUNNING = spark_pb2.Computation(running=True, stage="exporting marks", progress=0.25, retry_after_s=7)


async def test_it_says_when_and_from_what_the_model_was_trained_and_how_good_it_is(gateway: Gateway) -> None:
    response = await gateway.ask("GET", PATH)
    assert response.status_code == 200
    assert response.json() == {
        "trained": True,
        "version": "6f1c",
        "trainedAt": "2026-02-02T12:00:00Z",
        "people": 863,
        "marks": 25_919,
        "items": 1204,
        "quality": [{"type": "BOOK", "people": 86, "ndcgAt10": 0.25, "votesNdcgAt10": 0.0625}],
        "stale": False,
    }


async def test_before_the_first_training_it_only_says_so(gateway: Gateway) -> None:
    gateway.fakes.spark.answers["GetModel"] = spark_pb2.GetModelResponse(computation=spark_pb2.Computation())
    assert (await gateway.ask("GET", PATH)).json() == {"trained": False}


async def test_a_running_training_is_shown(gateway: Gateway) -> None:
    gateway.fakes.spark.answers["GetModel"] = spark_pb2.GetModelResponse(computation=RUNNING)
    computation = {"running": True, "stage": "exporting marks", "progress": 0.25, "retryAfterSeconds": 7}
    assert (await gateway.ask("GET", PATH)).json() == {"trained": False, "computation": computation}


async def test_a_failed_training_says_why(gateway: Gateway) -> None:
    failed = spark_pb2.Computation(failure="the account service does not answer", retry_after_s=30)
    gateway.fakes.spark.answers["GetModel"] = spark_pb2.GetModelResponse(computation=failed)
    computation = (await gateway.ask("GET", PATH)).json()["computation"]
    assert computation == {
        "running": False,
        "failure": "the account service does not answer",
        "retryAfterSeconds": 30,
    }


async def test_an_administrator_starts_a_training(gateway: Gateway) -> None:
    gateway.fakes.spark.answers["GetModel"] = spark_pb2.GetModelResponse(computation=RUNNING)
    response = await gateway.ask("POST", PATH, gateway.provider.admin())
    assert (response.status_code, response.headers["retry-after"]) == (202, "7")
    assert response.json()["stage"] == "exporting marks"
    assert gateway.fakes.spark.asked == [("GetModel", spark_pb2.GetModelRequest(train=True))]


async def test_nobody_else_starts_one(gateway: Gateway) -> None:
    assert (await gateway.ask("POST", PATH)).status_code == 401
    assert (await gateway.ask("POST", PATH, gateway.provider.token())).status_code == 403
    assert gateway.fakes.spark.asked == []


async def test_without_the_service_it_is_503(gateway: Gateway) -> None:
    gateway.fakes.spark.errors["GetModel"] = Unavailable("Cloud Storage does not answer")
    assert (await gateway.ask("GET", PATH)).status_code == 503
