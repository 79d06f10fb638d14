"""Brings the database's tables up to date. Safe to run again, and by several at once: one does it, the others wait.

python -m services.account.migrate
"""

import logging
import sys
import time

from alembic import command
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.account import engines, failures, schema
from services.account.column_types import is_mysql
from services.account.settings import DatabaseSettings
from services.common import logs

# How long to wait for another migration.
LOCK_TIMEOUT_S = 60

log = logging.getLogger(__name__)


def migrate(settings: DatabaseSettings, revision: str = "head") -> None:
    engine = engines.migrating(settings, LOCK_TIMEOUT_S)
    until = time.monotonic() + LOCK_TIMEOUT_S
    try:
        while not _migrated(engine, revision, until):
            time.sleep(0.1)
    finally:
        engine.dispose()


def _migrated(engine: Engine, revision: str, until: float) -> bool:
    """False where another migration was in the way: SQLite does not wait while a new file is given its journal."""
    try:
        with engine.connect() as connection:
            _exclude_others(connection)
            with connection.begin():
                config = schema.config()
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
    except SQLAlchemyError as error:
        if failures.is_conflict(error) and time.monotonic() < until:
            return False
        raise
    return True


def _exclude_others(connection: Connection) -> None:
    """SQLite's transaction does, and holds for tables too. MySQL commits each table at once, so that it takes a lock,
    which lasts until the connection closes."""
    if is_mysql(connection.dialect):
        lock = {"name": f"seen-migrate-{connection.engine.url.database}"[:64], "seconds": LOCK_TIMEOUT_S}
        if connection.scalar(text("SELECT GET_LOCK(:name, :seconds)"), lock) != 1:
            raise TimeoutError("another migration is running")
        connection.commit()


def main() -> None:
    settings = DatabaseSettings.load()
    logs.set_up("account-migrate", settings.log_level)
    try:
        migrate(settings)
    except (SQLAlchemyError, TimeoutError) as error:
        log.error("not migrated: %s", getattr(error, "orig", error))
        sys.exit(1)
    log.info("the tables are at version %s", schema.head())


if __name__ == "__main__":
    main()
