"""Adding to a counter whose row may not be there yet, and inserting what may be there already; on both dialects."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import mysql, sqlite

from services.account.column_types import is_mysql
from services.account.models import Base


def add(connection: Connection, table: type[Base], counter: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds each row's `counter` to the one that is kept under the row's other values, which are the primary key."""
    if not rows:
        return
    column = table.__table__.c[counter]
    if is_mysql(connection.dialect):
        into_mysql = mysql.insert(table)
        connection.execute(
            into_mysql.on_duplicate_key_update({counter: column + into_mysql.inserted[counter]}), list(rows)
        )
    else:
        into_sqlite = sqlite.insert(table)
        connection.execute(
            into_sqlite.on_conflict_do_update(
                index_elements=list(table.__table__.primary_key),
                set_={counter: column + into_sqlite.excluded[counter]},
            ),
            list(rows),
        )


def insert_missing(connection: Connection, table: type[Base], unique: str, row: Mapping[str, Any]) -> None:
    """Inserts a row unless its value of the `unique` column is taken, whoever was first; locks the row there is."""
    if is_mysql(connection.dialect):
        # INSERT IGNORE would ignore other errors too, and lock in a way that runs into deadlocks.
        into_mysql = mysql.insert(table)
        connection.execute(into_mysql.on_duplicate_key_update({unique: into_mysql.inserted[unique]}), row)
    else:
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(index_elements=[unique]), row)
