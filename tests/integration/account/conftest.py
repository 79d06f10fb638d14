"""A test runs on SQLite and on a real MariaDB, over real gRPC, unless it is marked with ON_SQLITE or ON_MARIADB.

All tests share one service per database. It keeps nothing but the database's tables, which are emptied for each test.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy
from pydantic import SecretStr
from sqlalchemy import Engine

from services.account.database import engines
from services.account.database.models import Base
from services.account.migrate import migrate
from services.account.service import build
from services.account.settings import AccountSettings
from tests.integration.account import mariadb
from tests.integration.account.calls import Account, connect

# The event loop of the shared service, in which the tests that call it must run.
IN_SHARED_LOOP = pytest.mark.asyncio(loop_scope="package")
ON_SQLITE, ON_MARIADB = (
    pytest.mark.parametrize("dialect", [dialect], indirect=True, scope="session") for dialect in ("sqlite", "mariadb")
)


def settings_for(url: str, **others: Any) -> AccountSettings:
    return AccountSettings(port=0, metrics_port=0, database_url=SecretStr(url), **others)


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mariadb.MariaDb]:
    if missing := mariadb.missing():
        pytest.skip(f"MariaDB: {missing}")
    with mariadb.running(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "mariadb"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def new_database(
    dialect: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Makes a database without tables and returns its URL."""
    if dialect == "sqlite":
        return lambda name: f"sqlite:///{tmp_path_factory.mktemp(name)}/accounts.db"
    server: mariadb.MariaDb = request.getfixturevalue("mariadb_server")
    return server.new_database


@pytest.fixture
def new_url(new_database: Callable[[str], str]) -> str:
    return new_database("seen_empty")


@pytest.fixture(scope="session")
def url(new_database: Callable[[str], str]) -> str:
    """A database with all tables."""
    url = new_database("seen")
    migrate(settings_for(url))
    return url


@pytest.fixture(scope="session")
def engine(url: str) -> Iterator[Engine]:
    engine = engines.write_engine(settings_for(url), connections=4)
    yield engine
    engine.dispose()


@pytest.fixture
def database(engine: Engine) -> Engine:
    """Direct access to the service's tables, which are empty."""
    delete_all_rows(engine)
    return engine


def delete_all_rows(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(sqlalchemy.delete(table))


def insert_rows(engine: Engine, rows: Mapping[type[Base], Sequence[Mapping[str, Any]]]) -> None:
    with engine.begin() as connection:
        for table, table_rows in rows.items():
            connection.execute(sqlalchemy.insert(table), table_rows)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared_service(url: str) -> AsyncIterator[Account]:
    # Rare pings, so that they are not among the statements that tests record.
    settings = settings_for(url, health_interval_s=600)
    async with build(settings) as server, server.running() as port, connect(port) as channel:
        yield Account(channel)


@pytest.fixture
def account(shared_service: Account, database: Engine) -> Account:
    """The service with empty tables."""
    return shared_service
