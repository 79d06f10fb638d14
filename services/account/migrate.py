"""Brings the tables up to date: python -m services.account.migrate

Safe to repeat and to run concurrently: one run migrates, the others wait.
"""

import logging
import sys
import time
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.account.database import engines
from services.account.database.column_types import is_mysql
from services.account.database.transactions import is_conflict
from services.account.settings import DatabaseSettings
from services.common import logs

# How long to wait for a migration that another process runs.
LOCK_TIMEOUT_S = 60

log = logging.getLogger("services.account.migrate")  # run as a program, __name__ is "__main__"


def migrate(settings: DatabaseSettings) -> None:
    engine = engines.migration_engine(settings, LOCK_TIMEOUT_S)
    until = time.monotonic() + LOCK_TIMEOUT_S
    try:
        while True:
            try:
                return _upgrade(engine)
            except SQLAlchemyError as error:
                # SQLite does not wait while another process switches a new file to WAL.
                if not is_conflict(error) or time.monotonic() >= until:
                    raise
            time.sleep(0.1)
    finally:
        engine.dispose()


def check_version(connection: Connection) -> None:
    """Raises RuntimeError if migrations are missing, or the database's own error if it was never migrated."""
    version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if version != latest_version():
        raise RuntimeError(
            f"the tables are at version {version}, not {latest_version()}: run python -m services.account.migrate"
        )


@cache
def latest_version() -> str | None:
    """The version of the tables after all migrations."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def alembic_config(connection: Connection | None = None) -> Config:
    """Built in code, because a configuration file would have to contain the database's password.

    Commands that change the tables need a connection, which migrations/env.py takes from the configuration.
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "database/migrations").replace("%", "%%"))
    return config


def _upgrade(engine: Engine) -> None:
    with engine.connect() as connection:
        _lock(connection)
        with connection.begin():
            command.upgrade(alembic_config(connection), "head")


def _lock(connection: Connection) -> None:
    """SQLite's transaction covers the whole migration. MySQL commits after each table and needs a named lock, which
    lasts until the connection closes."""
    if is_mysql(connection.dialect):
        lock = {"name": f"seen-migrate-{connection.engine.url.database}"[:64], "seconds": LOCK_TIMEOUT_S}
        if connection.scalar(text("SELECT GET_LOCK(:name, :seconds)"), lock) != 1:
            raise TimeoutError("another migration is running")
        connection.commit()


def main() -> None:
    settings = DatabaseSettings.from_env()
    logs.set_up("account-migrate", settings.log_level)
    logging.getLogger("alembic").setLevel(logging.INFO)  # names the migrations that run
    try:
        migrate(settings)
    except (SQLAlchemyError, TimeoutError) as error:
        log.error("migration failed: %s", getattr(error, "orig", error))
        sys.exit(1)
    log.info("the tables are at version %s", latest_version())


if __name__ == "__main__":
    main()
