"""What breaks, and what the service makes of it."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy import Engine, select

from seen.v1 import account_pb2
from seen.v1.account_pb2 import LIKE, SEEN
from services.account.__main__ import main
from services.account.migrate import migrate
from services.account.models import UserRow
from services.common.health import LIVENESS, NOT_SERVING, SERVING
from tests.integration.account import mariadb, processes
from tests.integration.account.calls import Account, book, ids, mark, points, refused, top, user
from tests.integration.account.conftest import settings_for
from tests.integration.account.counts import assert_exact

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
AWAY = "mysql+pymysql://seen:s3cret@127.0.0.1:1/seen"


@contextlib.asynccontextmanager
async def channel_to_service(url: str, **settings: object) -> AsyncIterator[grpc.aio.Channel]:
    async with (
        main(settings_for(url, **settings)) as service,
        service.running() as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


async def health(channel: grpc.aio.Channel, name: str = "") -> health_pb2.HealthCheckResponse.ServingStatus:
    request = health_pb2.HealthCheckRequest(service=name)
    return (await health_pb2_grpc.HealthStub(channel).Check(request, timeout=2)).status


async def becomes(channel: grpc.aio.Channel, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
    async with asyncio.timeout(10):
        while await health(channel) != status:
            await asyncio.sleep(0.05)


async def test_without_its_database_the_service_starts_and_says_so() -> None:
    async with channel_to_service(AWAY) as channel:
        assert await health(channel) == NOT_SERVING
        assert await health(channel, LIVENESS) == SERVING
        with refused(UNAVAILABLE, message="the accounts do not answer"):
            await user(Account(channel), "ana")
        with refused(UNAVAILABLE, message="the accounts do not answer"):
            await mark(Account(channel), "ana", book("dune"))


async def test_it_serves_once_its_tables_are_there(new_url: str) -> None:
    async with channel_to_service(new_url) as channel:
        await asyncio.sleep(0.3)
        assert await health(channel) == NOT_SERVING
        with refused(UNAVAILABLE, message="the accounts do not answer"):
            await user(Account(channel), "ana")
        await asyncio.to_thread(migrate, settings_for(new_url))
        await becomes(channel, SERVING)
        await mark(Account(channel), "ana", book("dune"))


async def test_it_survives_a_restart_of_mariadb(mariadb_server: mariadb.MariaDb) -> None:
    mariadb_server.execute("CREATE DATABASE seen_restart")
    url = mariadb_server.url("seen_restart")
    await asyncio.to_thread(migrate, settings_for(url))
    async with channel_to_service(url) as channel:
        account = Account(channel)
        await becomes(channel, SERVING)
        await asyncio.gather(*(mark(account, f"s{n}", book("dune"), LIKE) for n in range(10)))  # fills the pool
        await asyncio.to_thread(mariadb_server.stop)
        try:
            with refused(UNAVAILABLE, message="the accounts do not answer"):
                await user(account, "s1")
            await becomes(channel, NOT_SERVING)
        finally:
            await asyncio.to_thread(mariadb_server.start)
        await becomes(channel, SERVING)
        await asyncio.gather(*(mark(account, f"s{n}", book("emma"), LIKE) for n in range(10)))
        assert await top(account) == [("dune", 10), ("emma", 10)]


async def test_a_connection_that_the_server_has_closed_is_replaced(mariadb_server: mariadb.MariaDb) -> None:
    mariadb_server.execute("CREATE DATABASE seen_killed")
    url = mariadb_server.url("seen_killed")
    await asyncio.to_thread(migrate, settings_for(url))
    async with channel_to_service(url) as channel:
        await mark(Account(channel), "ana", book("dune"))
        await user(Account(channel), "ana")
        connections = mariadb_server.execute("SELECT id FROM information_schema.processlist WHERE user = 'seen'")
        for (connection,) in connections:
            mariadb_server.execute(f"KILL {connection}")
        await mark(Account(channel), "ana", book("emma"))
        assert (await user(Account(channel), "ana")).seen == 2


async def test_a_database_that_hangs_holds_no_caller(mariadb_server: mariadb.MariaDb) -> None:
    mariadb_server.execute("CREATE DATABASE seen_frozen")
    url = mariadb_server.url("seen_frozen")
    await asyncio.to_thread(migrate, settings_for(url))
    async with channel_to_service(url) as channel:
        await becomes(channel, SERVING)
        with mariadb_server.frozen():
            started = time.monotonic()
            with refused(grpc.StatusCode.DEADLINE_EXCEEDED):
                await Account(channel).GetUser(account_pb2.GetUserRequest(subject="ana"), timeout=0.5)
            assert time.monotonic() - started < 1
            await becomes(channel, NOT_SERVING)
        await becomes(channel, SERVING)
        await mark(Account(channel), "ana", book("dune"))


async def test_a_call_ends_at_its_deadline_while_others_go_on(account: Account, database: Engine) -> None:
    await mark(account, "ana", book("dune"))
    with database.begin() as connection:
        connection.execute(select(UserRow.id).with_for_update())  # somebody holds the lock
        started = time.monotonic()
        request = account_pb2.SetMarkRequest(subject="ana", item=book("emma"), kind=SEEN)
        with refused(grpc.StatusCode.DEADLINE_EXCEEDED):
            await account.SetMark(request, timeout=0.5)
        assert time.monotonic() - started < 1
        assert await ids(account, "ana") == ["dune"]  # reading goes on
    await mark(account, "ana", book("emma"))  # and so does writing
    assert await ids(account, "ana") == ["emma", "dune"]
    assert_exact(database)


async def test_kill_9_loses_no_mark_that_was_acknowledged(url: str, database: Engine) -> None:
    acknowledged: list[str] = []

    async def keeps_marking(account: Account, subject: str) -> None:
        for number in range(10_000):
            try:
                await mark(account, subject, book(f"{subject}{number}"), LIKE, ["Art"])
            except grpc.aio.AioRpcError:
                return
            acknowledged.append(f"{subject}{number}")

    with processes.running(url) as process:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.port}") as channel:
            writing = [asyncio.create_task(keeps_marking(Account(channel), f"s{n}-")) for n in range(4)]
            async with asyncio.timeout(20):
                while len(acknowledged) < 100:
                    await asyncio.sleep(0.01)
            process.kill()
            await asyncio.gather(*writing)
    assert_exact(database)  # nothing is half there
    async with channel_to_service(url) as channel:
        account = Account(channel)
        kept = {name for n in range(4) for name in await _all_ids(account, f"s{n}-")}
        assert set(acknowledged) <= kept
        assert len(kept) <= len(acknowledged) + 4  # and at most what was on its way
        await mark(account, "after", book("dune"), LIKE, ["Art"])
        assert await points(account, "after") == [("Art", 3)]


async def _all_ids(account: Account, subject: str) -> list[str]:
    found, cursor = [], ""
    while True:
        page = await account.ListMarks(
            account_pb2.ListMarksRequest(subject=subject, kind=LIKE, size=100, cursor=cursor), timeout=5
        )
        found += [listed.item.id for listed in page.marks]
        cursor = page.next_cursor
        if not cursor:
            return found


async def test_sigterm_ends_it_and_its_log_is_json_without_secrets(url: str, database: Engine) -> None:
    with processes.running(url, SEEN_LOG_LEVEL="DEBUG") as process:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.port}") as channel:
            await mark(Account(channel), "auth0|secretive", book("dune"), LIKE, ["Art"])
        code, logged = process.stop()
    assert code == 0
    lines = [json.loads(line) for line in logged.splitlines()]
    assert lines[-1]["message"] == "stopped"
    assert mariadb.PASSWORD not in logged
    assert "secretive" not in logged


async def test_no_password_is_logged_when_the_database_refuses_it(
    mariadb_server: mariadb.MariaDb, caplog: pytest.LogCaptureFixture
) -> None:
    url = mariadb_server.url("seen").replace("seen:s3cret", "seen:wr0ng")
    async with channel_to_service(url) as channel:
        with refused(UNAVAILABLE):
            await user(Account(channel), "ana")
    assert "Access denied" in caplog.text
    assert "wr0ng" not in caplog.text


class TestTls:
    """MySQL with certificates on both sides."""

    @pytest.fixture
    def url(self, mariadb_server: mariadb.MariaDb) -> str:
        mariadb_server.execute("CREATE DATABASE IF NOT EXISTS seen_tls")
        return mariadb_server.url("seen_tls", user="seen_tls")

    async def test_a_client_certificate_opens_the_database(self, mariadb_server: mariadb.MariaDb, url: str) -> None:
        certificates = mariadb_server.certificates
        tls = {
            "database_ca": certificates / "ca.pem",
            "database_cert": certificates / "client.pem",
            "database_key": certificates / "client.key",
        }
        await asyncio.to_thread(migrate, settings_for(url, **tls))
        async with channel_to_service(url, **tls) as channel:
            await mark(Account(channel), "ana", book("dune"))

    async def test_without_a_client_certificate_it_stays_shut(self, mariadb_server: mariadb.MariaDb, url: str) -> None:
        async with channel_to_service(url, database_ca=mariadb_server.certificates / "ca.pem") as channel:
            with refused(UNAVAILABLE):
                await user(Account(channel), "ana")

    async def test_a_server_of_another_authority_is_not_believed(
        self, mariadb_server: mariadb.MariaDb, url: str, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        other = tmp_path_factory.mktemp("other") / "certificates"
        mariadb.make_certificates(other)
        async with channel_to_service(mariadb_server.url("seen"), database_ca=other / "ca.pem") as channel:
            with refused(UNAVAILABLE):
                await user(Account(channel), "ana")
