"""The version of the tables: which migrations exist, and whether the database has them all."""

from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text


def alembic_config() -> Config:
    """Built in code, because a configuration file would have to contain the database's password."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


@cache
def head() -> str | None:
    """The version after all migrations."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def check_version(connection: Connection) -> None:
    """Raises RuntimeError if migrations are missing, or the database's own error if it was never migrated."""
    version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if version != head():
        raise RuntimeError(f"the tables are at version {version}, not {head()}: run python -m services.account.migrate")
