"""How the service behaves when the database fails or the process is stopped."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from prometheus_client import REGISTRY
from sqlalchemy import Engine, select

from seen.v1 import account_pb2
from seen.v1.account_pb2 import LIKE, SEEN
from services.account.database.models import UserRow
from services.account.migrate import migrate
from services.account.service import build
from services.common.errors import DeadlineExceeded, Unavailable
from services.common.health import LIVENESS, NOT_SERVING, SERVING
from tests.integration.account import mariadb, processes
from tests.integration.account.calls import Account, book, connect, ids, mark, points, raises, top, user
from tests.integration.account.conftest import IN_SHARED_LOOP, ON_MARIADB, settings_for
from tests.integration.account.recount import assert_counters_exact

pytestmark = IN_SHARED_LOOP

UNREACHABLE = "mysql+pymysql://seen:s3cret@127.0.0.1:1/seen"
NO_ANSWER = "the account database does not answer"


@contextlib.asynccontextmanager
async def service(url: str, **settings: object) -> AsyncIterator[tuple[Account, HealthStub]]:
    """A service that uses this database."""
    async with (
        build(settings_for(url, health_interval_s=0.1, **settings)) as server,
        server.running() as port,
        connect(port) as channel,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as health_channel,
    ):
        yield Account(channel), HealthStub(health_channel)


async def migrated_database(server: mariadb.MariaDb, name: str) -> str:
    url = server.new_database(name)
    await asyncio.to_thread(migrate, settings_for(url))
    return url


async def status(health: HealthStub, name: str = "") -> HealthCheckResponse.ServingStatus:
    return (await health.Check(HealthCheckRequest(service=name), timeout=2)).status


async def wait_for(health: HealthStub, expected: HealthCheckResponse.ServingStatus) -> None:
    async with asyncio.timeout(10):
        while await status(health) != expected:
            await asyncio.sleep(0.05)


async def test_without_its_database_the_service_starts_and_reports_unavailable() -> None:
    async with service(UNREACHABLE) as (account, health):
        assert await status(health) == NOT_SERVING
        assert await status(health, LIVENESS) == SERVING
        with raises(Unavailable, message=NO_ANSWER):
            await user(account, "ana")
        with raises(Unavailable, message=NO_ANSWER):
            await mark(account, "ana", book("dune"))


async def test_the_service_becomes_healthy_once_the_tables_are_migrated(new_url: str) -> None:
    async with service(new_url) as (account, health):
        with raises(Unavailable, message=NO_ANSWER):
            await user(account, "ana")
        assert await status(health) == NOT_SERVING
        await asyncio.to_thread(migrate, settings_for(new_url))
        await wait_for(health, SERVING)
        await mark(account, "ana", book("dune"))


async def test_the_service_reconnects_after_a_restart_of_mariadb(mariadb_server: mariadb.MariaDb) -> None:
    url = await migrated_database(mariadb_server, "seen_restart")
    async with service(url) as (account, health):
        await wait_for(health, SERVING)
        # Opens all pooled connections.
        await asyncio.gather(*(mark(account, f"s{n}", book("dune"), LIKE) for n in range(10)))
        await asyncio.to_thread(mariadb_server.stop)
        try:
            with raises(Unavailable, message=NO_ANSWER):
                await user(account, "s1")
            await wait_for(health, NOT_SERVING)
        finally:
            await asyncio.to_thread(mariadb_server.start)
        await wait_for(health, SERVING)
        await asyncio.gather(*(mark(account, f"s{n}", book("emma"), LIKE) for n in range(10)))
        assert await top(account) == [("dune", 10), ("emma", 10)]


async def test_a_connection_that_the_server_has_closed_is_replaced(mariadb_server: mariadb.MariaDb) -> None:
    url = await migrated_database(mariadb_server, "seen_killed")
    async with service(url) as (account, _health):
        await mark(account, "ana", book("dune"))
        await user(account, "ana")
        connections = mariadb_server.execute("SELECT id FROM information_schema.processlist WHERE user = 'seen'")
        for (connection,) in connections:
            mariadb_server.execute(f"KILL {connection}")
        await mark(account, "ana", book("emma"))
        assert (await user(account, "ana")).seen == 2


async def test_a_call_ends_at_its_deadline_while_the_database_hangs(mariadb_server: mariadb.MariaDb) -> None:
    url = await migrated_database(mariadb_server, "seen_frozen")
    async with service(url) as (account, health):
        await wait_for(health, SERVING)
        with mariadb_server.frozen():
            started = time.monotonic()
            with raises(DeadlineExceeded):
                await account.GetUser(account_pb2.GetUserRequest(subject="ana"), timeout=0.5)
            assert time.monotonic() - started < 1
            await wait_for(health, NOT_SERVING)
        await wait_for(health, SERVING)
        await mark(account, "ana", book("dune"))


async def test_a_call_waiting_for_a_lock_ends_at_its_deadline_while_other_calls_succeed(
    account: Account, database: Engine
) -> None:
    await mark(account, "ana", book("dune"))
    with database.begin() as connection:
        connection.execute(select(UserRow.id).with_for_update())  # another transaction holds the lock
        started = time.monotonic()
        request = account_pb2.SetMarkRequest(subject="ana", item=book("emma"), kind=SEEN)
        with raises(DeadlineExceeded):
            await account.SetMark(request, timeout=0.5)
        assert time.monotonic() - started < 1
        assert await ids(account, "ana") == ["dune"]  # reads do not wait
    await mark(account, "ana", book("emma"))
    assert await ids(account, "ana") == ["emma", "dune"]
    assert_counters_exact(database)


async def test_sigkill_loses_no_acknowledged_mark(url: str, database: Engine) -> None:
    """Many marks are in flight, so that on SQLite the process is killed while they share a transaction."""
    subjects = [f"subject{number}" for number in range(32)]
    acknowledged: dict[str, list[str]] = {subject: [] for subject in subjects}

    async def mark_until_killed(account: Account, subject: str) -> None:
        for number in range(10_000):
            try:
                await mark(account, subject, book(str(number)), LIKE, ["Art", "Drama"])
            except Unavailable:
                return
            acknowledged[subject].append(str(number))

    with processes.running(url) as process:
        async with connect(process.port) as channel:
            tasks = [asyncio.create_task(mark_until_killed(Account(channel), subject)) for subject in subjects]
            async with asyncio.timeout(20):
                while sum(map(len, acknowledged.values())) < 200:
                    await asyncio.sleep(0.01)
            process.kill()
            await asyncio.gather(*tasks)
    assert_counters_exact(database)  # no mark is half written
    async with service(url) as (account, _health):
        for subject in subjects:
            kept = await ids(account, subject, LIKE)
            assert set(acknowledged[subject]) <= set(kept)
            assert len(kept) <= len(acknowledged[subject]) + 1  # the call in flight
        await mark(account, "after", book("dune"), LIKE, ["Art"])
        assert await points(account, "after") == [("Art", 3)]
    assert_counters_exact(database)


@ON_MARIADB
async def test_sigterm_stops_it_and_its_log_is_json_without_personal_data(url: str, database: Engine) -> None:
    with processes.running(url, SEEN_LOG_LEVEL="DEBUG") as process:
        async with connect(process.port) as channel:
            await mark(Account(channel), "auth0|secretive", book("dune"), LIKE, ["Art"])
        code, logged = process.stop()
    assert code == 0
    lines = [json.loads(line) for line in logged.splitlines()]
    assert lines[-1]["message"] == "stopped"
    assert mariadb.PASSWORD not in logged
    assert "secretive" not in logged


async def test_a_rejected_password_is_not_logged(
    mariadb_server: mariadb.MariaDb, caplog: pytest.LogCaptureFixture
) -> None:
    url = mariadb_server.new_database("seen_password").replace("seen:s3cret", "seen:wr0ng")
    async with service(url) as (account, _health):
        with raises(Unavailable, message=NO_ANSWER):
            await user(account, "ana")
    assert "Access denied" in caplog.text
    assert "wr0ng" not in caplog.text


class TestTls:
    """The server and the client have certificates."""

    @pytest.fixture
    def url(self, mariadb_server: mariadb.MariaDb) -> str:
        mariadb_server.new_database("seen_tls")
        return mariadb_server.url("seen_tls", user="seen_tls")

    @pytest.fixture
    def tls(self, mariadb_server: mariadb.MariaDb) -> dict[str, Path]:
        files = {"ca": "ca.pem", "cert": "client-cert.pem", "key": "client-key.pem"}
        return {f"database_{name}": mariadb_server.certificates / file for name, file in files.items()}

    async def test_a_client_certificate_is_accepted(self, url: str, tls: dict[str, Path]) -> None:
        await asyncio.to_thread(migrate, settings_for(url, **tls))
        async with service(url, **tls) as (account, _health):
            await mark(account, "ana", book("dune"))

    async def test_metrics_show_when_the_certificates_expire(self, url: str, tls: dict[str, Path]) -> None:
        async with service(url, **tls):
            for name, file in {"ca": tls["database_ca"], "client": tls["database_cert"]}.items():
                expiry = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
                metric = REGISTRY.get_sample_value("seen_certificate_expiry_timestamp_seconds", {"certificate": name})
                assert metric == expiry.timestamp()

    async def test_without_a_client_certificate_the_connection_fails(self, url: str, tls: dict[str, Path]) -> None:
        async with service(url, database_ca=tls["database_ca"]) as (account, _health):
            with raises(Unavailable, message=NO_ANSWER):
                await user(account, "ana")

    async def test_a_server_certificate_of_another_ca_is_rejected(
        self, mariadb_server: mariadb.MariaDb, tmp_path: Path
    ) -> None:
        url = await migrated_database(mariadb_server, "seen_other_ca")
        mariadb.make_certificates(tmp_path)
        async with service(url, database_ca=tmp_path / "ca.pem") as (account, _health):
            with raises(Unavailable, message=NO_ANSWER):
                await user(account, "ana")
