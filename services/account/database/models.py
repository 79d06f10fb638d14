"""The tables. A change needs a new migration; a test compares models and migrations."""

import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, SmallInteger, String, desc
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.account import domain, usernames
from services.account.database.column_types import ExactText, RowId, UtcDateTime

# utf8mb4 is MySQL's only charset for all of Unicode.
_MYSQL = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
}
# Rows are stored in primary key order, as in InnoDB.
_CLUSTERED = _MYSQL | {"sqlite_with_rowid": False}


class Base(DeclarativeBase):
    pass


class UserRow(Base):
    """An account. Every transaction that changes a user's rows locks this row first, which keeps the counters exact."""

    __tablename__ = "users"
    __table_args__: Any = (
        Index("users_subject", "subject", unique=True),
        # NULL, for users without a username, may occur many times.
        Index("users_username_key", "username_key", unique=True),
        _MYSQL,
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    subject: Mapped[str] = mapped_column(ExactText(domain.MAX_SUBJECT_LENGTH))
    username: Mapped[str | None] = mapped_column(String(usernames.MAX_LENGTH))
    username_key: Mapped[str | None] = mapped_column(ExactText(usernames.MAX_KEY_LENGTH))
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    # Number of the user's marks of each kind.
    seen: Mapped[int] = mapped_column(BigInteger, default=0)
    liked: Mapped[int] = mapped_column(BigInteger, default=0)


class MarkRow(Base):
    """One mark, with the item's categories and themes when it was set."""

    __tablename__ = "marks"
    __table_args__: Any = (
        Index("marks_newest", "user_id", "kind", "marked_at", "item_type", "item_id"),
        Index("marks_item", "item_type", "item_id", "user_id"),
        _CLUSTERED,
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", name="marks_user"), primary_key=True)
    item_type: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    item_id: Mapped[str] = mapped_column(ExactText(domain.MAX_ITEM_ID_LENGTH), primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    marked_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    category: Mapped[list[str]] = mapped_column(JSON)
    # The themes that the mark gave points to. NULL: set by the release before migration 0002; it gave points, but no
    # counts, to its categories.
    themes: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))


class LikesRow(Base):
    """How many users like an item. The row stays at 0 until the item is removed."""

    __tablename__ = "likes"
    __table_args__: Any = (Index("likes_most", "item_type", desc("likes"), "item_id"), _CLUSTERED)

    item_type: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    item_id: Mapped[str] = mapped_column(ExactText(domain.MAX_ITEM_ID_LENGTH), primary_key=True)
    likes: Mapped[int] = mapped_column(BigInteger)


class PointsRow(Base):
    """How often a user has seen and liked a theme. A row with 0 points is deleted."""

    __tablename__ = "points"
    __table_args__: Any = (Index("points_most", "user_id", desc("points"), "category"), _CLUSTERED)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", name="points_user"), primary_key=True)
    # The theme.
    category: Mapped[str] = mapped_column(ExactText(domain.MAX_CATEGORY_LENGTH), primary_key=True)
    # 1 for each item seen, 3 for each item liked; stored for the index.
    points: Mapped[int] = mapped_column(BigInteger)
    # Number of the user's marks of each kind on items of the theme.
    seen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    liked: Mapped[int] = mapped_column(BigInteger, server_default="0")
