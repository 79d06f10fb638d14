"""What every service has: health, reflection, metrics, logs."""

import asyncio
import contextvars
import io
import json
import logging

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.common import clients, errors, logs, metrics, tracing
from services.common.health import LIVENESS, NOT_SERVING, SERVING
from services.common.logs import BatchHandler, JsonFormatter
from tests.integration.common.servers import (
    CATALOG,
    ClientOf,
    Dependency,
    call,
    health_of,
    item,
    plain_channel_to,
    raising,
    server_with,
    wait_for_health,
)


async def test_a_health_check_of_an_unknown_service_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with plain_channel_to(item) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await health_of(channel, "seen.v1.Nothing")
    assert failure.value.code() is grpc.StatusCode.NOT_FOUND
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


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


async def test_is_serving_reports_the_health_of_a_service_also_of_one_that_is_not_running(client_of: ClientOf) -> None:
    async with client_of(item) as channel, clients.connect("127.0.0.1:1", CATALOG) as nobody:
        async with asyncio.timeout(5):
            while not await clients.is_serving(channel, 1):
                await asyncio.sleep(0.01)
        assert not await clients.is_serving(nobody, 1)


async def test_two_services_cannot_share_a_port() -> None:
    async with server_with(item).running() as port:
        with pytest.raises(OSError, match="is the port taken"):
            async with server_with(item, port=port).running():
                pass


async def test_reflection_lists_the_service() -> None:
    async with plain_channel_to(item) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        replies = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=5)
        names = [service.name async for reply in replies for service in reply.list_services_response.service]
    assert {"seen.v1.Catalog", "grpc.health.v1.Health"} <= set(names)


async def test_each_call_is_counted_when_it_starts_and_by_its_code_when_it_ends(client_of: ClientOf) -> None:
    handled = metrics.HANDLED.labels("unknown", "seen.v1.Catalog", "GetItem", "NOT_FOUND")
    started = metrics.STARTED.labels("unknown", "seen.v1.Catalog", "GetItem")
    before = handled._value.get(), started._value.get()
    async with client_of(raising(errors.NotFound("no such item"))) as channel:
        with pytest.raises(errors.NotFound):
            await call(channel)
    assert (handled._value.get(), started._value.get()) == (before[0] + 1, before[1] + 1)


def test_a_log_line_is_one_json_object_with_the_requests_ids() -> None:
    def format_record() -> str:
        logs.service_name.set("library")
        tracing.accept([("x-request-id", "abc")])
        fields = {"name": "test", "msg": "hello\nthere", "levelname": "INFO", "method": "GetItem"}
        return JsonFormatter().format(logging.makeLogRecord(fields))

    line = contextvars.Context().run(format_record)
    parsed = json.loads(line)
    assert "\n" not in line
    assert (parsed["service"], parsed["request_id"], parsed["method"]) == ("library", "abc", "GetItem")


def test_the_log_level_applies_to_our_own_loggers_only(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        contextvars.Context().run(logs.set_up, "library", "debug")
        logging.getLogger("services.library.pages").debug("ours")
        logging.getLogger("pymongo.command").debug("a command with its arguments")
    finally:
        root.handlers, root.level = before
        for name in logs.OURS:
            logging.getLogger(name).setLevel(logging.NOTSET)
    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()] == ["ours"]


async def test_lines_are_written_in_batches_and_a_warning_at_once() -> None:
    stream = io.StringIO()
    handler = BatchHandler(stream)
    logger = logging.Logger("test")
    logger.addHandler(handler)

    logger.info("first")
    logger.info("second")
    assert stream.getvalue() == ""
    logger.warning("third")
    assert stream.getvalue() == "first\nsecond\nthird\n"
    logger.info("fourth")
    async with asyncio.timeout(5):
        while "fourth" not in stream.getvalue():
            await asyncio.sleep(0.01)


def test_without_an_event_loop_a_line_is_written_at_once() -> None:
    stream = io.StringIO()
    BatchHandler(stream).handle(logging.makeLogRecord({"msg": "stopped", "levelno": logging.INFO}))
    assert stream.getvalue() == "stopped\n"
