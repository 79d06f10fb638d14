"""GET and POST /suggest/model."""

import grpc
import pytest

from seen.v1 import spark_pb2
from services.common.errors import Unavailable
from tests.integration.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="package")

PATH = "/suggest/model"
RUNNING = spark_pb2.Computation(running=True, stage="exporting marks", progress=0.25, retry_after_s=7)


async def test_the_model_has_its_time_its_data_and_its_quality(gateway: Gateway) -> None:
    response = await gateway.request("GET", PATH)
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


async def test_before_the_first_training_the_other_fields_are_absent(gateway: Gateway) -> None:
    gateway.fakes.spark.answers["GetModel"] = spark_pb2.GetModelResponse(computation=spark_pb2.Computation())
    assert (await gateway.request("GET", PATH)).json() == {"trained": False}


async def test_a_running_training_is_shown(gateway: Gateway) -> None:
    gateway.fakes.spark.answers["GetModel"] = spark_pb2.GetModelResponse(computation=RUNNING)
    computation = {"running": True, "stage": "exporting marks", "progress": 0.25, "retryAfterSeconds": 7}
    assert (await gateway.request("GET", PATH)).json() == {"trained": False, "computation": computation}


async def test_a_failed_training_says_why(gateway: Gateway) -> None:
    failed = spark_pb2.Computation(failure="the account service does not answer", retry_after_s=30)
    gateway.fakes.spark.answers["GetModel"] = spark_pb2.GetModelResponse(computation=failed)
    computation = (await gateway.request("GET", PATH)).json()["computation"]
    assert computation == {
        "running": False,
        "failure": "the account service does not answer",
        "retryAfterSeconds": 30,
    }


async def test_an_administrator_starts_a_training(gateway: Gateway) -> None:
    gateway.fakes.spark.answers["GetModel"] = spark_pb2.GetModelResponse(computation=RUNNING)
    response = await gateway.as_admin("POST", PATH)
    assert (response.status_code, response.headers["retry-after"]) == (202, "7")
    assert response.json()["stage"] == "exporting marks"
    assert gateway.fakes.spark.calls == [("GetModel", spark_pb2.GetModelRequest(train=True))]


async def test_only_an_administrator_starts_a_training(gateway: Gateway) -> None:
    assert (await gateway.request("POST", PATH)).status_code == 401
    assert (await gateway.as_user("POST", PATH)).status_code == 403
    assert gateway.fakes.spark.calls == []


async def test_a_failure_of_the_service_is_503(gateway: Gateway) -> None:
    gateway.fakes.spark.errors["GetModel"] = Unavailable("Cloud Storage does not answer")
    response = await gateway.request("GET", PATH)
    assert (response.status_code, response.json()["detail"]) == (503, "Cloud Storage does not answer")


async def test_a_service_that_is_not_running_is_503(gateway: Gateway) -> None:
    gateway.fakes.spark.errors["GetModel"] = grpc.StatusCode.UNAVAILABLE
    response = await gateway.request("GET", PATH)
    assert response.status_code == 503
    assert response.json()["detail"] == "the service that trains the suggestion model is not running"
