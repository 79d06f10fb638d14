"""What every service has, seen from the wire: a real server on a free port, called by a real client."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from seen.v1 import catalog_pb2, catalog_pb2_grpc
from seen.v1.types_pb2 import Item
from services.common import clients, deadline, errors, logs, metrics, tracing
from services.common.health import LIVENESS, NOT_SERVING, SERVING
from services.common.logs import JsonFormatter
from services.common.server import Context, GrpcService
from services.common.settings import GrpcSettings

SETTINGS = GrpcSettings(port=0, metrics_port=0, health_interval_s=0.05, grace_s=2)
Answer = Callable[[], Awaitable[Item]]


class Servicer(catalog_pb2_grpc.CatalogServicer):
    """Answers GetItem with whatever the test says."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def GetItem(self, request: catalog_pb2.GetItemRequest, context: Context) -> Item:
        return await self.answer()


class Store:
    """Something the service cannot work without."""

    up = True

    async def ping(self) -> None:
        if not self.up:
            raise ConnectionError("away")


def service_with(answer: Answer, store: Store | None = None, port: int = 0) -> GrpcService:
    return GrpcService(
        SETTINGS.model_copy(update={"port": port}),
        "seen.v1.Catalog",
        catalog_pb2_grpc.add_CatalogServicer_to_server,
        Servicer(answer),  # type: ignore[abstract]
        (store or Store()).ping,
    )


@asynccontextmanager
async def channel_to(answer: Answer, store: Store | None = None) -> AsyncIterator[grpc.aio.Channel]:
    service = service_with(answer, store)
    async with service.running() as port, clients.connect(f"127.0.0.1:{port}") as channel:
        yield channel


async def call(channel: grpc.aio.Channel, timeout: float | None = 5) -> Item:
    return await catalog_pb2_grpc.CatalogStub(channel).GetItem(catalog_pb2.GetItemRequest(id="1"), timeout=timeout)


async def health_of(channel: grpc.aio.Channel, name: str = "") -> int:
    request = health_pb2.HealthCheckRequest(service=name)
    return int((await health_pb2_grpc.HealthStub(channel).Check(request, timeout=5)).status)


async def until(expected: int, channel: grpc.aio.Channel) -> None:
    async with asyncio.timeout(5):
        while await health_of(channel) != expected:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("named", "code"), errors.GRPC_CODE.items(), ids=lambda value: getattr(value, "__name__", ""))
async def test_each_named_error_leaves_under_its_code_with_its_message(
    named: type[errors.SeenError], code: grpc.StatusCode
) -> None:
    async def answer() -> Item:
        raise errors.InvalidArgument("page", "is odd") if named is errors.InvalidArgument else named("is odd")

    async with channel_to(answer) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel)
    assert failed.value.code() is code
    assert errors.user_message(failed.value).endswith("is odd")


async def test_an_invalid_argument_names_its_field_in_the_details() -> None:
    async def answer() -> Item:
        raise errors.InvalidArgument("page", "must be 1 or more")

    async with channel_to(answer) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel)
    assert errors.field_violations(failed.value) == [("page", "must be 1 or more")]


async def test_what_is_there_already_names_its_field_too() -> None:
    async def answer() -> Item:
        raise errors.AlreadyExists("this username is taken", field="username")

    async with channel_to(answer) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel)
    assert failed.value.details() == "this username is taken"
    assert errors.field_violations(failed.value) == [("username", "this username is taken")]


@pytest.mark.parametrize("named", [errors.Unavailable, errors.DeadlineExceeded])
async def test_what_does_not_answer_is_logged_with_the_requests_id(
    caplog: pytest.LogCaptureFixture, named: type[errors.SeenError]
) -> None:
    async def answer() -> Item:
        raise named("shard 2 is silent")

    async with channel_to(answer) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await call(channel)
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert vars(record).items() >= {"method": "GetItem", "error": "shard 2 is silent"}.items()


async def test_asking_for_the_health_of_what_is_not_there_is_no_fault_of_the_service(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def answer() -> Item:
        return Item()

    async with channel_to(answer) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await health_of(channel, "seen.v1.Nothing")
    assert failed.value.code() is grpc.StatusCode.NOT_FOUND
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_an_error_without_a_name_is_logged_and_leaves_as_a_fixed_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def answer() -> Item:
        raise ZeroDivisionError("password=hunter2")

    async with channel_to(answer) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel)
    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.INTERNAL, errors.INTERNAL_MESSAGE)
    assert "ZeroDivisionError" in caplog.text


async def test_an_inner_services_error_reaches_the_outer_caller_with_its_field() -> None:
    async def inner() -> Item:
        raise errors.InvalidArgument("id", "is no id")

    async with channel_to(inner) as to_inner:

        async def outer() -> Item:
            return await call(to_inner)

        async with channel_to(outer) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await call(channel)
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert errors.field_violations(failed.value) == [("id", "is no id")]


async def test_a_service_that_is_not_there_is_unavailable_and_its_address_is_not_told() -> None:
    async with clients.connect("127.0.0.1:1") as to_nobody:

        async def outer() -> Item:
            return await call(to_nobody)

        async with channel_to(outer) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await call(channel)
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "127.0.0.1" not in (failed.value.details() or "")


async def test_a_failure_that_a_service_reports_itself_is_not_asked_for_again() -> None:
    asked = []

    async def away() -> Item:
        asked.append(1)
        raise errors.Unavailable("the shard does not answer")

    service = service_with(away)
    async with (
        service.running() as port,
        clients.connect(f"127.0.0.1:{port}", "seen.v1.Catalog", ["GetItem"]) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError):
            await call(channel)
    assert len(asked) == 1


async def test_the_inner_service_has_less_time_than_the_outer_one_and_reports_first() -> None:
    seen: list[float] = []

    async def inner() -> Item:
        seen.append(deadline.remaining())
        await asyncio.sleep(30)
        return Item()

    async with channel_to(inner) as to_inner:

        async def outer() -> Item:
            seen.append(deadline.remaining())
            return await call(to_inner, timeout=None)

        async with channel_to(outer) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await call(channel, timeout=0.5)
    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    # The message is ours: the inner service's answer came back before the outer caller gave up.
    assert failed.value.details() == "this took too long"
    assert seen[1] < seen[0] < 0.51  # gRPC rounds up


async def test_a_call_without_a_deadline_gets_one() -> None:
    seen: list[float] = []

    async def answer() -> Item:
        seen.append(deadline.remaining())
        return Item()

    service = service_with(answer)
    async with service.running() as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await call(channel, timeout=None)
    assert 0 < seen[0] <= deadline.DEFAULT_S


async def test_the_request_id_and_the_trace_go_from_hop_to_hop() -> None:
    carried: list[dict[str, str]] = []

    async def inner() -> Item:
        carried.append(dict(tracing.carried()))
        return Item()

    async with channel_to(inner) as to_inner:

        async def outer() -> Item:
            carried.append(dict(tracing.carried()))
            return await call(to_inner)

        # A stranger's channel: ours would send ids of its own.
        async with service_with(outer).running() as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = catalog_pb2_grpc.CatalogStub(channel)
            trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            await stub.GetItem(
                catalog_pb2.GetItemRequest(id="1"),
                metadata=(("x-request-id", "abc"), ("traceparent", trace), ("authorization", "Bearer secret")),
                timeout=5,
            )
    assert carried == [{"x-request-id": "abc", "traceparent": trace}] * 2


async def test_health_follows_the_ping_and_liveness_does_not() -> None:
    async def answer() -> Item:
        return Item()

    store = Store()
    store.up = False
    async with channel_to(answer, store) as channel:
        assert await health_of(channel) == NOT_SERVING
        store.up = True
        await until(SERVING, channel)
        assert await health_of(channel, "seen.v1.Catalog") == SERVING
        store.up = False
        await until(NOT_SERVING, channel)
        assert await health_of(channel, LIVENESS) == SERVING


async def test_a_call_in_flight_finishes_while_the_service_stops() -> None:
    begun = asyncio.Event()

    async def answer() -> Item:
        begun.set()
        await asyncio.sleep(0.3)
        return Item(name="finished")

    service = service_with(answer)
    port = await service.start()
    async with clients.connect(f"127.0.0.1:{port}") as channel:
        calling = asyncio.ensure_future(call(channel))
        await begun.wait()
        await service.stop()
        assert (await calling).name == "finished"


async def test_two_services_cannot_share_a_port() -> None:
    async def answer() -> Item:
        return Item()

    async with service_with(answer).running() as port:
        with pytest.raises(OSError, match="is the port taken"):
            await service_with(answer, port=port).start()


async def test_reflection_lists_the_service() -> None:
    async def answer() -> Item:
        return Item()

    async with channel_to(answer) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        replies = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=5)
        names = [service.name async for reply in replies for service in reply.list_services_response.service]
    assert {"seen.v1.Catalog", "grpc.health.v1.Health"} <= set(names)


async def test_each_call_is_counted_when_it_begins_and_by_its_code_when_it_ends() -> None:
    async def answer() -> Item:
        raise errors.NotFound("no such item")

    counted = metrics.HANDLED.labels("seen.v1.Catalog", "GetItem", "NOT_FOUND")
    begun = metrics.STARTED.labels("seen.v1.Catalog", "GetItem")
    before = counted._value.get(), begun._value.get()
    async with channel_to(answer) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await call(channel)
    assert (counted._value.get(), begun._value.get()) == (before[0] + 1, before[1] + 1)


def test_a_log_line_is_one_json_object_with_the_requests_ids() -> None:
    tracing.accept([("x-request-id", "abc")])
    record = logging.makeLogRecord({"name": "test", "msg": "hello\nthere", "levelname": "INFO", "method": "GetItem"})
    line = JsonFormatter("library").format(record)
    parsed = json.loads(line)
    assert "\n" not in line
    assert (parsed["service"], parsed["request_id"], parsed["method"]) == ("library", "abc", "GetItem")


def test_only_our_own_words_are_logged_at_debug(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logs.set_up("library", "debug")
        logging.getLogger("services.library.pages").debug("ours")
        logging.getLogger("pymongo.command").debug("theirs, with all that was asked")
    finally:
        root.handlers, root.level = before
        for name in logs.OURS:
            logging.getLogger(name).setLevel(logging.NOTSET)
    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()] == ["ours"]
