"""Responses to failures of services, unknown paths and unsupported methods."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc
import httpx
import prometheus_client
import pytest
import pytest_asyncio

from seen.v1.types_pb2 import Item
from services.common.errors import INTERNAL_MESSAGE
from tests.integration.gateway.conftest import Gateway, start, until
from tests.integration.gateway.fakes import BOOK_ID
from tests.integration.gateway.provider import Provider

pytestmark = pytest.mark.asyncio(loop_scope="package")

PATH = f"/item/BOOK/{BOOK_ID}"
STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def impatient_gateway(provider: Provider) -> AsyncIterator[Gateway]:
    async with start(provider, deadline_s=0.3) as gateway:
        yield gateway


@contextlib.asynccontextmanager
async def connection(gateway: Gateway) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(gateway.url).port)
    try:
        yield reader, writer
    finally:
        writer.close()


def in_flight() -> float:
    return prometheus_client.REGISTRY.get_sample_value("http_requests_in_flight") or 0


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK], ids=str)
async def test_every_grpc_status_becomes_a_problem_without_internal_details(
    gateway: Gateway, code: grpc.StatusCode
) -> None:
    # An operation that documents all of these.
    gateway.fakes.account.errors["RenameUser"] = code
    response = await gateway.as_user("PUT", "/user", json={"username": "ana"})
    assert response.status_code == STATUS.get(code, 500)
    assert "internal details" not in response.text
    assert response.json()["status"] == response.status_code
    if response.status_code == 500:
        assert response.json()["detail"] == INTERNAL_MESSAGE


async def test_an_unexpected_error_is_500_without_internal_details(gateway: Gateway) -> None:
    gateway.fakes.library.answers["GetItem"] = Item(type=99)  # type: ignore[arg-type]  # a type that the gateway does not know
    response = await gateway.request("GET", PATH)
    assert (response.status_code, response.json()["detail"]) == (500, INTERNAL_MESSAGE)


async def test_a_service_that_exceeds_the_deadline_is_504(impatient_gateway: Gateway) -> None:
    impatient_gateway.fakes.library.hold("GetItem")
    response = await impatient_gateway.request("GET", PATH)
    assert (response.status_code, response.json()["detail"]) == (504, "this took too long")


async def test_reads_are_retried_and_writes_are_not(gateway: Gateway) -> None:
    gateway.fakes.library.errors |= {"GetItem": grpc.StatusCode.UNAVAILABLE, "MarkItem": grpc.StatusCode.UNAVAILABLE}
    await gateway.request("GET", PATH)
    await gateway.as_user("PUT", f"{PATH}/seen")
    assert [method for method, _ in gateway.fakes.library.calls] == ["GetItem"] * 3 + ["MarkItem"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/item/BOOK/x/y", "/user/", "/lib/1/", "/item/BOOK", "/ui/nothing", "/%2e"]
)
async def test_an_unknown_path_is_404(gateway: Gateway, path: str) -> None:
    assert (await gateway.request("GET", path)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", PATH, {"GET", "HEAD", "DELETE", "OPTIONS"}),
        ("GET", "/item", {"POST", "OPTIONS"}),
        ("POST", f"{PATH}/seen", {"PUT", "DELETE", "OPTIONS"}),
        ("PATCH", "/user", {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}),
        ("TRACE", "/lib/1", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/bestDirector", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("DELETE", "/ui/", {"GET", "HEAD"}),
    ],
)
async def test_an_unsupported_method_is_405_with_the_supported_ones_in_allow(
    gateway: Gateway, method: str, path: str, allowed: set[str]
) -> None:
    response = await gateway.request(method, path)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == allowed


async def test_options_lists_the_supported_methods(gateway: Gateway) -> None:
    response = await gateway.request("OPTIONS", PATH)
    assert response.status_code == 204
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "DELETE", "OPTIONS"}


async def test_a_body_that_does_not_arrive_in_time_is_408(impatient_gateway: Gateway) -> None:
    token = impatient_gateway.provider.token()
    head = f"POST /user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 50\r\n\r\n"
    async with asyncio.timeout(10), connection(impatient_gateway) as (reader, writer):
        writer.write(head.encode() + b'{"username":')
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")


async def test_the_gateway_survives_a_client_that_disconnects_during_its_body(gateway: Gateway) -> None:
    before = in_flight()
    token = gateway.provider.token()
    head = f"POST /user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 50\r\n\r\n"
    async with connection(gateway) as (_, writer):
        writer.write(head.encode() + b'{"username":')
        await until(lambda: in_flight() > before)
    await until(lambda: in_flight() == before)
    assert (await gateway.request("GET", "/lib/1")).status_code == 200
    assert [method for method, _ in gateway.fakes.calls] == ["ListItems"]


@pytest.mark.parametrize("head", [b"GET /lib/1 HTTP/1.1\r\nX: " + b"x" * 400_000, b"GET /" + b"x" * 400_000])
async def test_endless_headers_are_refused(gateway: Gateway, head: bytes) -> None:
    async with asyncio.timeout(10), connection(gateway) as (reader, writer):
        writer.write(head)
        with contextlib.suppress(ConnectionResetError):  # a client that still sends may miss the response
            assert (await reader.read()).startswith(b"HTTP/1.1 400")
