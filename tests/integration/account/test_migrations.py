import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from services.account import engines, schema
from services.account.migrate import migrate
from services.account.models import Base
from tests.integration.account.conftest import settings_for

ROOT = Path(__file__).parents[3]


@pytest.fixture
def empty_database(new_url: str) -> Iterator[Engine]:
    engine = engines.migrating(settings_for(new_url), lock_timeout_s=10)
    yield engine
    engine.dispose()


def started(url: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "services.account.migrate"],
        cwd=ROOT,
        env={"SEEN_DATABASE_URL": url, "PATH": ""},
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_as_the_models(database: Engine) -> None:
    with database.begin() as connection:
        schema.check(connection)
        options = {"compare_type": True, "include_object": schema.comparable}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []
        indexes = {
            index["name"]
            for table in ("likes", "points")
            for index in sqlalchemy.inspect(connection).get_indexes(table)
        }
        assert schema.descending_indexes() == {"likes_most", "points_most"}
        assert schema.descending_indexes() <= indexes


def test_a_fresh_database_gets_the_models_tables(new_url: str, empty_database: Engine) -> None:
    migrate(settings_for(new_url))
    assert_as_the_models(empty_database)
    migrate(settings_for(new_url))  # again: nothing to do
    assert_as_the_models(empty_database)


def test_two_migrations_at_once_both_succeed(new_url: str, empty_database: Engine) -> None:
    both = [started(new_url), started(new_url)]
    messages = [migration.communicate(timeout=60)[1] for migration in both]
    assert [migration.returncode for migration in both] == [0, 0], messages
    assert sum("Running upgrade" in message for message in messages) == 1
    assert_as_the_models(empty_database)


def test_an_interrupted_migration_is_completed_by_the_next(new_url: str, empty_database: Engine) -> None:
    with empty_database.begin() as connection:  # what MySQL keeps of a migration that was killed half-way
        Base.metadata.tables["users"].create(connection)
        index = next(index for index in Base.metadata.tables["users"].indexes if index.name == "users_subject")
        index.drop(connection)
    migrate(settings_for(new_url))
    assert_as_the_models(empty_database)


def test_the_first_migration_can_be_taken_back(new_url: str, empty_database: Engine) -> None:
    migrate(settings_for(new_url))
    with empty_database.begin() as connection:
        config = schema.config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with empty_database.begin() as connection:
        assert sqlalchemy.inspect(connection).get_table_names() == ["alembic_version"]
    migrate(settings_for(new_url))
    assert_as_the_models(empty_database)


def test_a_database_that_is_away_is_one_clear_line_without_the_password() -> None:
    migration = started("mysql+pymysql://seen:s3cret@127.0.0.1:1/seen")
    _, message = migration.communicate(timeout=30)
    assert migration.returncode == 1
    assert len(message.splitlines()) == 1
    assert "not migrated" in message
    assert "s3cret" not in message


def test_a_url_that_is_none_stops_the_program_with_its_name_and_without_the_password() -> None:
    migration = started("postgresql://seen:s3cret@host/seen")
    _, message = migration.communicate(timeout=30)
    assert migration.returncode == 2
    assert message.startswith("settings: SEEN_DATABASE_URL: ")
    assert "s3cret" not in message
