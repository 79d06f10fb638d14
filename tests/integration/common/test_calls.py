"""Calls between services: errors, deadlines, cancellation, ids; over gRPC and in one process, which must not differ."""

import asyncio
import contextlib
import logging
from typing import Any, cast

import grpc
import pytest

from seen.v1 import catalog_pb2, catalog_pb2_grpc
from seen.v1.types_pb2 import Item
from services.common import clients, deadline, errors, status, tracing
from services.common.server import Context
from tests.integration.common.servers import (
    CATALOG,
    ClientOf,
    Serve,
    call,
    item,
    plain_channel_to,
    raising,
    server_with,
)

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
async def test_a_client_raises_the_error_that_the_service_raised(client_of: ClientOf, error: errors.SeenError) -> None:
    async with client_of(raising(error)) as channel:
        with pytest.raises(type(error)) as raised:
            await call(channel)
    assert type(raised.value) is type(error)
    assert vars(raised.value) == vars(error)


@pytest.mark.parametrize("error", [errors.Unavailable("shard 2 is down"), errors.DeadlineExceeded("shard 2 is down")])
async def test_a_dependency_that_does_not_answer_is_logged_as_a_warning(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture, error: errors.SeenError
) -> None:
    async with client_of(raising(error)) as channel:
        with pytest.raises(type(error)):
            await call(channel)
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert vars(record).items() >= {"method": "GetItem", "error": "shard 2 is down"}.items()


async def test_an_unexpected_error_is_logged_and_sent_as_internal_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with plain_channel_to(raising(ZeroDivisionError("password=hunter2"))) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call(channel)
    assert (failure.value.code(), failure.value.details()) == (grpc.StatusCode.INTERNAL, errors.INTERNAL_MESSAGE)
    assert "ZeroDivisionError" in caplog.text


async def test_an_unexpected_error_of_a_service_is_internal_to_its_client(client_of: ClientOf) -> None:
    async with client_of(raising(ZeroDivisionError())) as channel:
        with pytest.raises(errors.Internal):
            await call(channel)


async def test_a_method_that_a_service_does_not_have_is_internal_to_its_client(client_of: ClientOf) -> None:
    async with client_of(item) as channel:
        with pytest.raises(errors.Internal, match="UNIMPLEMENTED"):
            await cast(Any, channel).unary_unary("/seen.v1.Catalog/Unknown")(b"")


async def test_an_inner_services_error_reaches_the_outer_client_with_its_field(client_of: ClientOf) -> None:
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


async def test_an_inner_service_that_is_not_running_is_reported_as_unavailable(client_of: ClientOf) -> None:
    async with clients.connect("127.0.0.1:1", CATALOG) as nobody:

        async def outer() -> Item:
            return await call(nobody)

        async with client_of(outer) as channel:
            with pytest.raises(errors.Unavailable) as raised:
                await call(channel)
    assert type(raised.value) is errors.Unavailable


async def test_a_failure_that_a_service_reports_is_not_retried(client_of: ClientOf) -> None:
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


async def test_the_inner_service_has_less_time_than_the_outer_one_and_reports_first(client_of: ClientOf) -> None:
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


async def test_the_request_id_and_the_trace_are_passed_to_the_next_service(client_of: ClientOf) -> None:
    carried: list[dict[str, str]] = []

    async def answer() -> Item:
        carried.append(dict(tracing.propagated()))
        return Item()

    async with client_of(answer) as inner:

        async def outer() -> Item:
            carried.append(dict(tracing.propagated()))
            return await call(inner)

        async with plain_channel_to(outer) as channel:
            trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            await catalog_pb2_grpc.CatalogStub(channel).GetItem(
                catalog_pb2.GetItemRequest(id="1"),
                metadata=(("x-request-id", "abc"), ("traceparent", trace), ("authorization", "Bearer secret")),
                timeout=5,
            )
    assert carried == [{"x-request-id": "abc", "traceparent": trace}] * 2


async def test_a_client_gives_up_at_its_deadline_even_if_the_handler_ignores_cancellation(client_of: ClientOf) -> None:
    release = asyncio.Event()

    async def ignore_cancellation() -> Item:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()
        return Item()

    async with client_of(ignore_cancellation) as channel:
        with pytest.raises(errors.DeadlineExceeded):
            await asyncio.wait_for(call(channel, timeout=0.1), 10)
        release.set()


async def test_cancelling_a_call_cancels_its_handler(client_of: ClientOf) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def hang() -> Item:
        started.set()
        try:
            await asyncio.sleep(30)
        finally:
            cancelled.set()
        return Item()

    async with client_of(hang) as channel:
        calling = asyncio.ensure_future(call(channel))
        await started.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        async with asyncio.timeout(5):
            await cancelled.wait()


async def test_a_handler_that_cancels_itself_does_not_cancel_the_client(client_of: ClientOf) -> None:
    async with client_of(raising(asyncio.CancelledError())) as channel:
        with pytest.raises(errors.SeenError):
            await call(channel, timeout=0.2)  # over gRPC, such a call is never answered


async def test_a_request_leaves_the_callers_deadline_and_ids_unchanged(client_of: ClientOf) -> None:
    async with client_of(item) as channel:
        tracing.accept([("x-request-id", "abc")])
        deadline.start(5)
        await call(channel, timeout=1)
        assert (tracing.request_id(), deadline.remaining() > 4) == ("abc", True)


async def test_client_and_service_do_not_share_messages(client_of: ClientOf) -> None:
    shared = Item(name="before")

    async def answer() -> Item:
        return shared

    async with client_of(answer) as channel:
        reply = await call(channel)
        reply.name = "after"
    assert shared.name == "before"


async def test_a_service_that_starts_after_its_client_is_found() -> None:
    async with clients.connect("inproc:late", CATALOG) as channel:
        with pytest.raises(errors.NoAnswer):
            await call(channel)
        async with server_with(item).running_in_process("inproc:late"):
            await call(channel)
        with pytest.raises(errors.NoAnswer):
            await call(channel)


async def test_an_in_process_address_is_served_once() -> None:
    async with server_with(item).running_in_process("inproc:taken"):
        with pytest.raises(OSError, match="served already"):
            async with server_with(item).running_in_process("inproc:taken"):
                pass


async def test_a_call_in_flight_finishes_while_the_service_stops(serve: Serve) -> None:
    started, finished = asyncio.Event(), asyncio.Event()

    async def answer() -> Item:
        started.set()
        await asyncio.sleep(0.1)
        finished.set()
        return Item(name="finished")

    async with contextlib.AsyncExitStack() as stack:
        async with serve(server_with(answer)) as address:
            channel = await stack.enter_async_context(clients.connect(address, CATALOG))
            calling = asyncio.ensure_future(call(channel))
            await started.wait()
        assert finished.is_set()
        assert (await calling).name == "finished"
