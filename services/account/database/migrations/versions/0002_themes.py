"""Marks store their themes, and points become two counts per user and theme, recomputed from the marks.

Users are changed in batches. On MySQL each batch is a transaction of its own, so that the previous release, which may
still run, never waits long. A mark that the previous release sets after its user's batch keeps NULL as its themes: it
gave points, but no counts, to its categories.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection
from sqlalchemy.dialects import mysql

from seen.v1.types_pb2 import ItemType
from services.account.database.column_types import ExactText, RowId, UtcDateTime, is_mysql
from services.common.themes import themes

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# A batch has about as many marks, and at most as many users. One user with more marks is a batch of their own.
BATCH_MARKS = 5000
BATCH_USERS = 500

SEEN, LIKE, NOT_INTERESTED = 1, 2, 3

users = sa.table("users", sa.column("id", RowId), sa.column("seen", sa.BigInteger), sa.column("liked", sa.BigInteger))
marks = sa.table(
    "marks",
    sa.column("user_id", RowId),
    sa.column("item_type", sa.SmallInteger),
    sa.column("item_id", ExactText(64)),
    sa.column("kind", sa.SmallInteger),
    sa.column("marked_at", UtcDateTime),
    sa.column("category", sa.JSON),
    sa.column("themes", sa.JSON),
)
points = sa.table(
    "points",
    sa.column("user_id", RowId),
    sa.column("category", ExactText(255)),
    sa.column("points", sa.BigInteger),
    sa.column("seen", sa.BigInteger),
    sa.column("liked", sa.BigInteger),
)


def upgrade() -> None:
    add_column("marks", sa.Column("themes", sa.JSON))
    add_column("points", sa.Column("seen", sa.BigInteger, nullable=False, server_default="0"))
    add_column("points", sa.Column("liked", sa.BigInteger, nullable=False, server_default="0"))
    connection = op.get_bind()
    for first, last in batches(connection):
        batch = locked_marks(connection, first, last)
        set_themes(connection, [mark for mark in batch if mark.themes is None])
        replace_points(connection, first, last, batch, themes_of)
        commit(connection)


def downgrade() -> None:
    """Removes marks as not interested, which the previous release does not know."""
    connection = op.get_bind()
    connection.execute(sa.delete(marks).where(marks.c.kind == NOT_INTERESTED))
    for first, last in batches(connection):
        replace_points(connection, first, last, locked_marks(connection, first, last), lambda mark: mark.category)
        commit(connection)
    op.drop_column("marks", "themes")
    op.drop_column("points", "seen")
    op.drop_column("points", "liked")


def themes_of(mark: Any) -> Sequence[str]:
    return themes(ItemType.Name(mark.item_type), mark.category)


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Unless an interrupted run has added it."""
    if column.name not in {existing["name"] for existing in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)


def batches(connection: Connection) -> Iterator[tuple[int, int]]:
    """Ranges of user ids, both ends included."""
    columns = (users.c.id, users.c.seen + users.c.liked)
    last = -1
    while rows := connection.execute(
        sa.select(*columns).where(users.c.id > last).order_by(users.c.id).limit(BATCH_USERS)
    ).all():
        first, number = rows[0][0], 0
        for user_id, count in rows:
            number += count
            if number > BATCH_MARKS and user_id != first:
                break
            last = user_id
        yield first, last


def locked_marks(connection: Connection, first: int, last: int) -> Sequence[Any]:
    """All marks of these users. No other transaction can change them until the commit."""
    connection.execute(sa.select(users.c.id).where(users.c.id.between(first, last)).with_for_update()).all()
    return connection.execute(sa.select(marks).where(marks.c.user_id.between(first, last))).all()


def set_themes(connection: Connection, rows: Sequence[Any]) -> None:
    if not rows:
        return
    values = [row._asdict() | {"themes": themes_of(row)} for row in rows]
    if is_mysql(connection.dialect):
        # One statement for many rows; an UPDATE would take one for each. Every row exists.
        statement = mysql.insert(marks)
        connection.execute(statement.on_duplicate_key_update(themes=statement.inserted.themes), values)
        return
    key = ("user_id", "item_type", "item_id", "kind")
    condition = sa.and_(*(marks.c[name] == sa.bindparam(f"key_{name}") for name in key))
    connection.execute(
        sa.update(marks).where(condition).values(themes=sa.bindparam("new_themes")),
        [{f"key_{name}": row[name] for name in key} | {"new_themes": row["themes"]} for row in values],
    )


def replace_points(
    connection: Connection, first: int, last: int, batch: Sequence[Any], names: Callable[[Any], Sequence[str]]
) -> None:
    """`names` returns the themes or categories that a mark gives points to."""
    counts: dict[tuple[int, str], Counter[int]] = defaultdict(Counter)
    for mark in batch:
        if mark.kind in (SEEN, LIKE):
            for name in names(mark):
                counts[mark.user_id, name][mark.kind] += 1
    connection.execute(sa.delete(points).where(points.c.user_id.between(first, last)))
    if counts:
        connection.execute(
            sa.insert(points),
            [
                {"user_id": user_id, "category": name, "seen": count[SEEN], "liked": count[LIKE]}
                | {"points": count[SEEN] + 3 * count[LIKE]}
                for (user_id, name), count in counts.items()
            ],
        )


def commit(connection: Connection) -> None:
    """SQLite keeps one transaction for the whole migration."""
    if is_mysql(connection.dialect):
        connection.exec_driver_sql("COMMIT")
