"""What every service shares, tested over gRPC: a real server on a free port and a real client."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from seen.v1 import catalog_pb2, catalog_pb2_grpc
from seen.v1.types_pb2 import Item
from services.common import clients, deadline, errors, logs, metrics, status, tracing
from services.common.health import LIVENESS, NOT_SERVING, SERVING
from services.common.logs import JsonFormatter
from services.common.server import Context, GrpcServer
from services.common.settings import GrpcSettings

CATALOG = catalog_pb2.DESCRIPTOR.services_by_name["Catalog"]
SETTINGS = GrpcSettings(port=0, metrics_port=0, health_interval_s=0.05, grace_s=2)
Answer = Callable[[], Awaitable[Item]]


class Servicer(catalog_pb2_grpc.CatalogServicer):
    """Answers GetItem and CreateItem with whatever the test wants."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def GetItem(self, request: catalog_pb2.GetItemRequest, context: Context) -> Item:
        return await self.answer()

    async def CreateItem(self, request: catalog_pb2.CreateItemRequest, context: Context) -> Item:
        return await self.answer()


class Dependency:
    """Something that the service cannot work without."""

    up = True

    async def ping(self) -> None:
        if not self.up:
            raise ConnectionError("down")


def server_with(answer: Answer, dependency: Dependency | None = None, port: int = 0) -> GrpcServer:
    return GrpcServer(
        SETTINGS.model_copy(update={"port": port}),
        CATALOG,
        catalog_pb2_grpc.add_CatalogServicer_to_server,
        Servicer(answer),  # type: ignore[abstract]
        (dependency or Dependency()).ping,
    )


@asynccontextmanager
async def client_of(answer: Answer) -> AsyncIterator[grpc.aio.Channel]:
    """A channel of clients.py, whose calls raise the errors of errors.py."""
    async with server_with(answer).running() as port, clients.connect(f"127.0.0.1:{port}", CATALOG) as channel:
        yield channel


@asynccontextmanager
async def plain_channel_to(answer: Answer, dependency: Dependency | None = None) -> AsyncIterator[grpc.aio.Channel]:
    """A channel as anybody else would open it."""
    async with (
        server_with(answer, dependency).running() as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


async def call(channel: grpc.aio.Channel, timeout: float | None = 5) -> Item:
    return await catalog_pb2_grpc.CatalogStub(channel).GetItem(catalog_pb2.GetItemRequest(id="1"), timeout=timeout)


async def health_of(channel: grpc.aio.Channel, name: str = "") -> int:
    request = health_pb2.HealthCheckRequest(service=name)
    return int((await health_pb2_grpc.HealthStub(channel).Check(request, timeout=5)).status)


async def wait_for_health(expected: int, channel: grpc.aio.Channel) -> None:
    async with asyncio.timeout(5):
        while await health_of(channel) != expected:
            await asyncio.sleep(0.01)


def raising(error: Exception) -> Answer:
    async def answer() -> Item:
        raise error

    return answer


async def item() -> Item:
    return Item()


ERRORS = [
    errors.InvalidArgument("page", "must be 1 or more"),
    *(kind("the message") for kind in status.CODES if kind is not errors.InvalidArgument),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_each_error_is_sent_under_its_status_code(error: errors.SeenError) -> None:
    async with plain_channel_to(raising(error)) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call(channel)
    assert (failure.value.code(), failure.value.details()) == (status.CODES[type(error)], error.message)


@pytest.mark.parametrize(
    "error", [*ERRORS, errors.AlreadyExists("taken", field="username")], ids=lambda error: type(error).__name__
)
async def test_a_client_raises_the_error_that_the_service_raised(error: errors.SeenError) -> None:
    async with client_of(raising(error)) as channel:
        with pytest.raises(type(error)) as raised:
            await call(channel)
    assert type(raised.value) is type(error)
    assert vars(raised.value) == vars(error)


@pytest.mark.parametrize("error", [errors.Unavailable("shard 2 is down"), errors.DeadlineExceeded("shard 2 is down")])
async def test_a_dependency_that_does_not_answer_is_logged_as_a_warning(
    caplog: pytest.LogCaptureFixture, error: errors.SeenError
) -> None:
    async with client_of(raising(error)) as channel:
        with pytest.raises(type(error)):
            await call(channel)
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert vars(record).items() >= {"method": "GetItem", "error": "shard 2 is down"}.items()


async def test_a_health_check_of_an_unknown_service_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with plain_channel_to(item) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await health_of(channel, "seen.v1.Nothing")
    assert failure.value.code() is grpc.StatusCode.NOT_FOUND
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_an_unexpected_error_is_logged_and_sent_as_internal_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with plain_channel_to(raising(ZeroDivisionError("password=hunter2"))) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call(channel)
    assert (failure.value.code(), failure.value.details()) == (grpc.StatusCode.INTERNAL, errors.INTERNAL_MESSAGE)
    assert "ZeroDivisionError" in caplog.text


async def test_an_unexpected_error_of_a_service_is_internal_to_its_client() -> None:
    async with client_of(raising(ZeroDivisionError())) as channel:
        with pytest.raises(errors.Internal):
            await call(channel)


async def test_a_method_that_a_service_does_not_have_is_internal_to_its_client() -> None:
    async with client_of(item) as channel:
        with pytest.raises(errors.Internal, match="UNIMPLEMENTED"):
            await cast(Any, channel).unary_unary("/seen.v1.Catalog/Unknown")(b"")


async def test_an_inner_services_error_reaches_the_outer_client_with_its_field() -> None:
    async with client_of(raising(errors.InvalidArgument("id", "is malformed"))) as inner:

        async def outer() -> Item:
            return await call(inner)

        async with client_of(outer) as channel:
            with pytest.raises(errors.InvalidArgument) as raised:
                await call(channel)
    assert (raised.value.field, raised.value.reason) == ("id", "is malformed")


async def test_a_service_that_is_not_running_gives_no_answer_and_its_address_stays_private() -> None:
    async with clients.connect("127.0.0.1:1", CATALOG) as channel:
        with pytest.raises(errors.NoAnswer) as raised:
            await call(channel)
    assert "127.0.0.1" not in raised.value.message


async def test_an_inner_service_that_is_not_running_is_reported_as_unavailable() -> None:
    async with clients.connect("127.0.0.1:1", CATALOG) as nobody:

        async def outer() -> Item:
            return await call(nobody)

        async with client_of(outer) as channel:
            with pytest.raises(errors.Unavailable) as raised:
                await call(channel)
    assert type(raised.value) is errors.Unavailable


async def test_a_failure_that_a_service_reports_is_not_retried() -> None:
    calls = 0

    async def answer() -> Item:
        nonlocal calls
        calls += 1
        raise errors.Unavailable("the shard does not answer")

    async with client_of(answer) as channel:
        with pytest.raises(errors.Unavailable):
            await call(channel)
    assert calls == 1


@pytest.mark.parametrize(("method", "attempts"), [("GetItem", 3), ("CreateItem", 1)])
async def test_only_methods_without_side_effects_are_retried_on_a_broken_connection(method: str, attempts: int) -> None:
    calls = 0

    async def fail(request: bytes, context: Context) -> bytes:
        nonlocal calls
        calls += 1
        await context.abort(grpc.StatusCode.UNAVAILABLE, "as gRPC reports a broken connection")
        return b""

    server = grpc.aio.server()
    handlers: dict[str, Any] = {name: grpc.unary_unary_rpc_method_handler(fail) for name in ("GetItem", "CreateItem")}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(CATALOG.full_name, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with clients.connect(f"127.0.0.1:{port}", CATALOG) as channel:
            stub = catalog_pb2_grpc.CatalogStub(channel)
            with pytest.raises(errors.NoAnswer):
                await (
                    stub.GetItem(catalog_pb2.GetItemRequest())
                    if method == "GetItem"
                    else stub.CreateItem(catalog_pb2.CreateItemRequest())
                )
    finally:
        await server.stop(0)
    assert calls == attempts


async def test_the_inner_service_has_less_time_than_the_outer_one_and_reports_first() -> None:
    remaining: list[float] = []

    async def hang() -> Item:
        remaining.append(deadline.remaining())
        await asyncio.sleep(30)
        return Item()

    async with client_of(hang) as inner:

        async def outer() -> Item:
            remaining.append(deadline.remaining())
            return await call(inner, timeout=None)

        async with plain_channel_to(outer) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await call(channel, timeout=0.5)
    assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    # This is the services' text: the inner one answered before the outer client gave up.
    assert failure.value.details() == "this took too long"
    assert remaining[1] < remaining[0] < 0.51  # gRPC rounds up


async def test_a_call_without_a_deadline_gets_the_default_one() -> None:
    remaining: list[float] = []

    async def answer() -> Item:
        remaining.append(deadline.remaining())
        return Item()

    async with plain_channel_to(answer) as channel:
        await call(channel, timeout=None)
    assert 0 < remaining[0] <= deadline.DEFAULT_S


async def test_the_request_id_and_the_trace_are_passed_to_the_next_service() -> None:
    carried: list[dict[str, str]] = []

    async def answer() -> Item:
        carried.append(dict(tracing.carried()))
        return Item()

    async with client_of(answer) as inner:

        async def outer() -> Item:
            carried.append(dict(tracing.carried()))
            return await call(inner)

        async with plain_channel_to(outer) as channel:
            trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            await catalog_pb2_grpc.CatalogStub(channel).GetItem(
                catalog_pb2.GetItemRequest(id="1"),
                metadata=(("x-request-id", "abc"), ("traceparent", trace), ("authorization", "Bearer secret")),
                timeout=5,
            )
    assert carried == [{"x-request-id": "abc", "traceparent": trace}] * 2


async def test_health_follows_the_ping_and_liveness_does_not() -> None:
    dependency = Dependency()
    dependency.up = False
    async with plain_channel_to(item, dependency) as channel:
        assert await health_of(channel) == NOT_SERVING
        dependency.up = True
        await wait_for_health(SERVING, channel)
        assert await health_of(channel, "seen.v1.Catalog") == SERVING
        dependency.up = False
        await wait_for_health(NOT_SERVING, channel)
        assert await health_of(channel, LIVENESS) == SERVING


async def test_is_serving_reports_the_health_of_a_service_also_of_one_that_is_not_running() -> None:
    async with client_of(item) as channel, clients.connect("127.0.0.1:1", CATALOG) as nobody:
        async with asyncio.timeout(5):
            while not await clients.is_serving(channel, 1):
                await asyncio.sleep(0.01)
        assert not await clients.is_serving(nobody, 1)


async def test_a_call_in_flight_finishes_while_the_service_stops() -> None:
    started = asyncio.Event()

    async def answer() -> Item:
        started.set()
        await asyncio.sleep(0.3)
        return Item(name="finished")

    server = server_with(answer)
    port = await server.start()
    async with clients.connect(f"127.0.0.1:{port}", CATALOG) as channel:
        calling = asyncio.ensure_future(call(channel))
        await started.wait()
        await server.stop()
        assert (await calling).name == "finished"


async def test_two_services_cannot_share_a_port() -> None:
    async with server_with(item).running() as port:
        with pytest.raises(OSError, match="is the port taken"):
            await server_with(item, port=port).start()


async def test_reflection_lists_the_service() -> None:
    async with plain_channel_to(item) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        replies = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=5)
        names = [service.name async for reply in replies for service in reply.list_services_response.service]
    assert {"seen.v1.Catalog", "grpc.health.v1.Health"} <= set(names)


async def test_each_call_is_counted_when_it_starts_and_by_its_code_when_it_ends() -> None:
    handled = metrics.HANDLED.labels("seen.v1.Catalog", "GetItem", "NOT_FOUND")
    started = metrics.STARTED.labels("seen.v1.Catalog", "GetItem")
    before = handled._value.get(), started._value.get()
    async with client_of(raising(errors.NotFound("no such item"))) as channel:
        with pytest.raises(errors.NotFound):
            await call(channel)
    assert (handled._value.get(), started._value.get()) == (before[0] + 1, before[1] + 1)


def test_a_log_line_is_one_json_object_with_the_requests_ids() -> None:
    tracing.accept([("x-request-id", "abc")])
    record = logging.makeLogRecord({"name": "test", "msg": "hello\nthere", "levelname": "INFO", "method": "GetItem"})
    line = JsonFormatter("library").format(record)
    parsed = json.loads(line)
    assert "\n" not in line
    assert (parsed["service"], parsed["request_id"], parsed["method"]) == ("library", "abc", "GetItem")


def test_the_log_level_applies_to_our_own_loggers_only(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logs.set_up("library", "debug")
        logging.getLogger("services.library.browse").debug("ours")
        logging.getLogger("pymongo.command").debug("a command with its arguments")
    finally:
        root.handlers, root.level = before
        for name in logs.OURS:
            logging.getLogger(name).setLevel(logging.NOTSET)
    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()] == ["ours"]
