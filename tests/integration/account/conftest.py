"""Each test runs over SQLite and over a real MariaDB, through real gRPC."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from services.account import engines
from services.account.__main__ import main
from services.account.migrate import migrate
from services.account.settings import AccountSettings
from tests.integration.account import counts, mariadb
from tests.integration.account.calls import Account


def settings_for(url: str, **others: Any) -> AccountSettings:
    return AccountSettings(port=0, metrics_port=0, health_interval_s=0.1, database_url=SecretStr(url), **others)


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mariadb.MariaDb]:
    if missing := mariadb.missing():
        pytest.skip(f"left out: accounts on MariaDB ({missing})")
    with mariadb.running(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "mariadb"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_url(dialect: str, request: pytest.FixtureRequest, tmp_path: object) -> str:
    """A database without tables."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path}/accounts.db"
    return _new_mariadb_database(request, "seen_empty")


@pytest.fixture(scope="session")
def url(dialect: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with all tables."""
    if dialect == "sqlite":
        made = f"sqlite:///{tmp_path_factory.mktemp('accounts')}/accounts.db"
    else:
        made = _new_mariadb_database(request, "seen")
    migrate(settings_for(made))
    return made


def _new_mariadb_database(request: pytest.FixtureRequest, name: str) -> str:
    server: mariadb.MariaDb = request.getfixturevalue("mariadb_server")
    server.execute(f"DROP DATABASE IF EXISTS {name}")
    server.execute(f"CREATE DATABASE {name}")
    return server.url(name)


@pytest.fixture(scope="session")
def engine(url: str) -> Iterator[Engine]:
    made = engines.writing(settings_for(url), connections=4)
    yield made
    made.dispose()


@pytest.fixture
def database(engine: Engine) -> Engine:
    """The service's tables, empty, for looking at them past the service."""
    counts.empty(engine)
    return engine


@pytest.fixture
async def address(url: str, database: Engine) -> AsyncIterator[str]:
    async with main(settings_for(url)) as service, service.running() as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
async def account(address: str) -> AsyncIterator[Account]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield Account(channel)
