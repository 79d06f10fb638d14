"""What every response has: ids, headers for browsers, a line in the access log, metrics."""

import json
import logging

import prometheus_client
import pytest

from services.common import metrics
from services.common.logs import JsonFormatter
from tests.integration.gateway.conftest import Gateway, start
from tests.integration.gateway.fakes import BOOK_ID
from tests.integration.gateway.provider import Provider

pytestmark = pytest.mark.asyncio(loop_scope="package")

PATH = f"/item/BOOK/{BOOK_ID}"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_request_id_is_returned_and_passed_on(gateway: Gateway) -> None:
    response = await gateway.request("GET", PATH, headers={"X-Request-Id": "my-request.1"})
    assert response.headers["x-request-id"] == "my-request.1"
    assert gateway.fakes.library.metadata["x-request-id"] == "my-request.1"


async def test_an_absent_or_malformed_request_id_is_replaced(gateway: Gateway) -> None:
    created = set()
    for headers in ({}, *({"X-Request-Id": malformed} for malformed in ("a b", "x" * 200, '"};alert(1)'))):
        response = await gateway.request("GET", PATH, headers=headers)
        created.add(response.headers["x-request-id"])
    assert [len(request_id) for request_id in created] == [32] * 4


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": TRACE, "tracestate": "a=1"},
        {"b3": "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"},
        {"x-b3-traceid": "80f198ee56343ba8", "x-b3-spanid": "e457b5a2e4d86bd1", "x-b3-sampled": "1"},
    ],
    ids=["w3c", "b3", "b3 in several headers"],
)
async def test_trace_headers_are_passed_on(gateway: Gateway, headers: dict[str, str]) -> None:
    await gateway.request("GET", PATH, headers=headers)
    assert headers.items() <= gateway.fakes.library.metadata.items()


async def test_each_request_has_its_own_ids_on_one_connection(gateway: Gateway) -> None:
    await gateway.request("GET", PATH, headers={"traceparent": TRACE, "X-Request-Id": "first"})
    await gateway.request("GET", PATH)
    assert gateway.fakes.library.metadata["traceparent"] != TRACE
    assert gateway.fakes.library.metadata["x-request-id"] != "first"


async def test_a_service_gets_the_remaining_deadline(gateway: Gateway) -> None:
    await gateway.request("GET", PATH)
    left_s = gateway.fakes.library.time_left_s
    assert left_s is not None
    assert 1 < left_s < 2


@pytest.mark.parametrize("path", [PATH, "/nothing", "/ui/", "/openapi.json", "/", "/app/0/x.js"])
async def test_every_response_has_security_headers(gateway: Gateway, path: str) -> None:
    headers = (await gateway.request("GET", path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


async def test_pages_of_other_origins_may_read_responses(gateway: Gateway) -> None:
    headers = (await gateway.request("GET", PATH, headers={"Origin": "https://app.example"})).headers
    assert headers["access-control-allow-origin"] == "*"
    assert "ETag" in headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in headers


async def test_pages_of_other_origins_may_read_errors(gateway: Gateway) -> None:
    response = await gateway.request("PUT", f"{PATH}/seen", headers={"Origin": "https://app.example"})
    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == "*"


async def test_pages_of_other_origins_may_send_a_token(gateway: Gateway) -> None:
    headers = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,content-type,x-request-id",
    }
    response = await gateway.request("OPTIONS", f"{PATH}/seen", headers=headers)
    assert response.status_code == 200
    assert "PUT" in response.headers["access-control-allow-methods"]


async def test_a_refused_preflight_request_is_a_problem(gateway: Gateway) -> None:
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "PATCH"}
    response = await gateway.request("OPTIONS", PATH, headers=headers)
    assert response.status_code == 400


async def test_the_access_log_contains_the_path_but_not_the_query(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "access")
    caplog.handler.setFormatter(JsonFormatter())
    token = gateway.provider.token()
    await gateway.request("GET", "/lib/1?search=secret&x=1", token, headers={"X-Request-Id": "logged"})
    line = json.loads(caplog.text.splitlines()[-1])
    assert (line["method"], line["route"], line["path"], line["status"]) == ("GET", "/lib/{page}", "/lib/1", 400)
    assert line["ms"] > 0
    assert "secret" not in caplog.text
    assert token not in caplog.text


def count(**labels: str) -> float:
    return prometheus_client.REGISTRY.get_sample_value("http_requests_total", labels) or 0


async def test_requests_are_counted_by_path_template(gateway: Gateway) -> None:
    labels = {"method": "GET", "route": "/item/{type}/{id}", "status": "200"}
    before = count(**labels)
    await gateway.request("GET", PATH)
    await gateway.request("GET", PATH.replace("606e", "707e"))
    assert count(**labels) == before + 2


async def test_requests_for_unknown_paths_are_counted_together(gateway: Gateway) -> None:
    labels = {"method": "GET", "route": "other", "status": "404"}
    before = count(**labels)
    await gateway.request("GET", "/nothing")
    await gateway.request("GET", "/nothing/else")
    assert count(**labels) == before + 2


async def test_the_health_metric_is_1_while_the_gateway_serves(provider: Provider) -> None:
    healthy = metrics.HEALTHY.labels("unknown")
    healthy.set(0)
    async with start(provider):
        assert healthy._value.get() == 1
    assert healthy._value.get() == 0


async def test_the_gauge_of_requests_in_flight_returns_to_0(gateway: Gateway) -> None:
    await gateway.request("GET", PATH)
    assert prometheus_client.REGISTRY.get_sample_value("http_requests_in_flight") == 0


async def test_the_probes_report_liveness_and_the_services_that_answer(gateway: Gateway) -> None:
    assert (await gateway.request("GET", "/healthz")).status_code == 200
    ready = await gateway.request("GET", "/readyz")
    assert ready.json() == {
        "status": "ready",
        "services": {"library": True, "account": True, "spark_connector": True},
    }


async def test_swagger_ui_is_configured_to_sign_in(gateway: Gateway) -> None:
    page = (await gateway.client.get("/ui/")).text
    for setting in ('"clientId": "seen-swagger-ui"', '"usePkceWithAuthorizationCodeGrant": true', '"audience"'):
        assert setting in page
    assert (await gateway.client.get("/ui/oauth2-redirect.html")).status_code == 200
    assert (await gateway.client.get("/ui")).headers["location"] == "/ui/"
