import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, UnaryExpression
from sqlalchemy.schema import SchemaItem

from services.account.database import engines
from services.account.database.models import Base
from services.account.migrate import alembic_config, check_version, migrate
from tests.integration.account.conftest import settings_for

ROOT = Path(__file__).parents[3]
DESCENDING_INDEXES = {
    index.name
    for table in Base.metadata.tables.values()
    for index in table.indexes
    if any(isinstance(part, UnaryExpression) for part in index.expressions)
}


@pytest.fixture
def empty_database(new_url: str) -> Iterator[Engine]:
    engine = engines.migration_engine(settings_for(new_url), lock_timeout_s=10)
    yield engine
    engine.dispose()


def start(url: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "services.account.migrate"],
        cwd=ROOT,
        env={"SEEN_DATABASE_URL": url, "PATH": ""},
        stderr=subprocess.PIPE,
        text=True,
    )


def is_comparable(_item: SchemaItem, name: str | None, kind: str, _reflected: bool, _other: SchemaItem | None) -> bool:
    """Alembic cannot read descending indexes from a database."""
    return not (kind == "index" and name in DESCENDING_INDEXES)


def assert_tables_match_models(database: Engine) -> None:
    with database.begin() as connection:
        check_version(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_comparable})
        assert compare_metadata(context, Base.metadata) == []
        inspector = sqlalchemy.inspect(connection)
        indexes = {index["name"] for table in ("likes", "points") for index in inspector.get_indexes(table)}
        assert {"likes_most", "points_most"} == DESCENDING_INDEXES
        assert indexes >= DESCENDING_INDEXES


def test_migrations_and_models_agree(new_url: str, empty_database: Engine) -> None:
    migrate(settings_for(new_url))
    assert_tables_match_models(empty_database)
    migrate(settings_for(new_url))  # a second run changes nothing
    assert_tables_match_models(empty_database)


def test_two_concurrent_migrations_both_succeed(new_url: str, empty_database: Engine) -> None:
    migrations = [start(new_url), start(new_url)]
    messages = [migration.communicate(timeout=60)[1] for migration in migrations]
    assert [migration.returncode for migration in migrations] == [0, 0], messages
    assert sum("Running upgrade" in message for message in messages) == 1
    assert_tables_match_models(empty_database)


def test_the_next_migration_completes_an_interrupted_one(new_url: str, empty_database: Engine) -> None:
    with empty_database.begin() as connection:  # what MySQL keeps of a migration that was killed
        Base.metadata.tables["users"].create(connection)
        index = next(index for index in Base.metadata.tables["users"].indexes if index.name == "users_subject")
        index.drop(connection)
    migrate(settings_for(new_url))
    assert_tables_match_models(empty_database)


def test_the_first_migration_can_be_undone(new_url: str, empty_database: Engine) -> None:
    migrate(settings_for(new_url))
    with empty_database.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    with empty_database.begin() as connection:
        assert sqlalchemy.inspect(connection).get_table_names() == ["alembic_version"]
    migrate(settings_for(new_url))
    assert_tables_match_models(empty_database)


def test_an_unreachable_database_is_reported_in_one_line_without_the_password() -> None:
    migration = start("mysql+pymysql://seen:s3cret@127.0.0.1:1/seen")
    _, message = migration.communicate(timeout=30)
    assert migration.returncode == 1
    assert len(message.splitlines()) == 1
    assert "migration failed" in message
    assert "s3cret" not in message
