"""Which migrations there are, and whether the database has had them all."""

from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, UnaryExpression, text
from sqlalchemy.schema import SchemaItem

from services.account.models import Base

MIGRATIONS = Path(__file__).parent / "migrations"


class NotMigrated(Exception):
    """The database is there, but its tables are not the ones that this program knows."""


def config() -> Config:
    """Alembic's configuration, made here: a file would have to hold the database's password."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return made


@cache
def head() -> str | None:
    return ScriptDirectory.from_config(config()).get_current_head()


def comparable(
    _schema_item: SchemaItem, name: str | None, kind: str, _reflected: bool, _compare_to: SchemaItem | None
) -> bool:
    """Whether Alembic can tell if this is as the models have it: it reads no descending index back from a database."""
    return not (kind == "index" and name in descending_indexes())


def descending_indexes() -> set[str | None]:
    indexes = {index for table in Base.metadata.tables.values() for index in table.indexes}
    return {index.name for index in indexes if any(isinstance(part, UnaryExpression) for part in index.expressions)}


def check(connection: Connection) -> None:
    """Raises NotMigrated, or the database's own error where there is no table of versions yet."""
    version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if version != head():
        raise NotMigrated(f"the tables are at version {version}, not {head()}: run python -m services.account.migrate")
