"""The first tables: users, marks, and the likes and points counted from marks."""

import sqlalchemy as sa
from alembic import op

from services.account.database.column_types import ExactText, RowId, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MYSQL = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mariadb_engine": "InnoDB", "mariadb_charset": "utf8mb4"}
CLUSTERED = MYSQL | {"sqlite_with_rowid": False}

# MySQL commits each statement, and an interrupted run leaves some of these: create only what is missing.


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", RowId, primary_key=True),
        sa.Column("subject", ExactText(255), nullable=False),
        sa.Column("username", sa.String(40)),
        sa.Column("username_key", ExactText(160)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("liked", sa.BigInteger, nullable=False),
        if_not_exists=True,
        **MYSQL,
    )
    create_index("users_subject", "users", ["subject"], unique=True)
    create_index("users_username_key", "users", ["username_key"], unique=True)
    op.create_table(
        "marks",
        sa.Column("user_id", RowId, sa.ForeignKey("users.id", name="marks_user"), primary_key=True),
        sa.Column("item_type", sa.SmallInteger, primary_key=True),
        sa.Column("item_id", ExactText(64), primary_key=True),
        sa.Column("kind", sa.SmallInteger, primary_key=True),
        sa.Column("marked_at", UtcDateTime, nullable=False),
        sa.Column("category", sa.JSON, nullable=False),
        if_not_exists=True,
        **CLUSTERED,
    )
    create_index("marks_newest", "marks", ["user_id", "kind", "marked_at", "item_type", "item_id"])
    create_index("marks_item", "marks", ["item_type", "item_id", "user_id"])
    op.create_table(
        "likes",
        sa.Column("item_type", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("item_id", ExactText(64), primary_key=True),
        sa.Column("likes", sa.BigInteger, nullable=False),
        if_not_exists=True,
        **CLUSTERED,
    )
    create_index("likes_most", "likes", ["item_type", sa.desc("likes"), "item_id"])
    op.create_table(
        "points",
        sa.Column("user_id", RowId, sa.ForeignKey("users.id", name="points_user"), primary_key=True),
        sa.Column("category", ExactText(255), primary_key=True),
        sa.Column("points", sa.BigInteger, nullable=False),
        if_not_exists=True,
        **CLUSTERED,
    )
    create_index("points_most", "points", ["user_id", sa.desc("points"), "category"])


def downgrade() -> None:
    for table in ("points", "likes", "marks", "users"):
        op.drop_table(table)


def create_index(name: str, table: str, columns: list[str | sa.ColumnElement[int]], unique: bool = False) -> None:
    existing = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
    if name not in existing:
        op.create_index(name, table, columns, unique=unique)
