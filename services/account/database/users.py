"""Accounts in the database. Each public function runs in one transaction."""

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import IntegrityError

from services.account import usernames
from services.account.database.column_types import is_mysql
from services.account.database.compiled_statements import CompiledStatement
from services.account.database.models import LikesRow, MarkRow, PointsRow, UserRow
from services.account.domain import MarkKind, User
from services.common.errors import AlreadyExists, NotFound

MAX_SEARCH_RESULTS = 20
_NO_ACCOUNT = "there is no account yet"
_LAST_CODE_POINT = "\U0010ffff"  # not allowed in usernames

_LOCK = CompiledStatement(select(UserRow.id).where(UserRow.subject == bindparam("subject")).with_for_update())
_USER = select(UserRow.username, UserRow.created_at, UserRow.seen, UserRow.liked)
_GET = CompiledStatement(_USER.where(UserRow.subject == bindparam("subject")))
_GET_BY_ID = CompiledStatement(_USER.where(UserRow.id == bindparam("user_id")))
_SEARCH = CompiledStatement(
    select(UserRow.username)
    .where(UserRow.username_key.between(bindparam("first"), bindparam("last")))
    .order_by(UserRow.username_key)
    .limit(MAX_SEARCH_RESULTS)
)


def create(connection: Connection, subject: str, username: str, now: datetime.datetime) -> User:
    """Sets the username of a new account, or of one that has none yet because only marks were set."""
    user_id = _lock(connection, subject)
    if user_id is None:
        insert(connection, subject, now)
        user_id = _lock_existing(connection, subject)
    if _get(_GET_BY_ID.execute(connection, user_id=user_id)).username is not None:
        raise AlreadyExists("the account already exists")
    return _set_username(connection, user_id, username)


def rename(connection: Connection, subject: str, username: str) -> User:
    return _set_username(connection, _lock_existing(connection, subject), username)


def get(connection: Connection, subject: str) -> User:
    return _get(_GET.execute(connection, subject=subject))


def search(connection: Connection, prefix_key: str) -> list[str]:
    """Reads a range of the index instead of using LIKE, so nothing in the prefix is a wildcard."""
    rows = _SEARCH.execute(connection, first=prefix_key, last=prefix_key + _LAST_CODE_POINT)
    return [username for [username] in rows]


def remove(connection: Connection, subject: str) -> None:
    """Removes the account with its marks, points and likes."""
    user_id = _lock_existing(connection, subject)
    connection.execute(
        update(LikesRow)
        .where(MarkRow.user_id == user_id, MarkRow.kind == MarkKind.LIKE)
        .where(LikesRow.item_type == MarkRow.item_type, LikesRow.item_id == MarkRow.item_id)
        .values(likes=LikesRow.likes - 1)
    )
    connection.execute(delete(MarkRow).where(MarkRow.user_id == user_id))
    connection.execute(delete(PointsRow).where(PointsRow.user_id == user_id))
    connection.execute(delete(UserRow).where(UserRow.id == user_id))


def insert(connection: Connection, subject: str, now: datetime.datetime) -> None:
    """Creates an account without a username. If another transaction inserts the subject first, this locks its row."""
    row = {"subject": subject, "created_at": now}
    if is_mysql(connection.dialect):
        # Not INSERT IGNORE: it hides other errors, and its locks lead to deadlocks.
        statement = mysql.insert(UserRow)
        connection.execute(statement.on_duplicate_key_update(subject=statement.inserted.subject), row)
    else:
        connection.execute(sqlite.insert(UserRow).on_conflict_do_nothing(index_elements=["subject"]), row)


def _lock(connection: Connection, subject: str) -> int | None:
    """The user's id, or None. Other transactions that change the user's rows wait until this one ends."""
    return next((user_id for [user_id] in _LOCK.execute(connection, subject=subject)), None)


def _lock_existing(connection: Connection, subject: str) -> int:
    user_id = _lock(connection, subject)
    if user_id is None:
        raise NotFound(_NO_ACCOUNT)
    return user_id


def _set_username(connection: Connection, user_id: int, username: str) -> User:
    change = {"username": username, "username_key": usernames.key(username)}
    try:
        connection.execute(update(UserRow).where(UserRow.id == user_id).values(change))
    except IntegrityError as error:  # the unique index decides between concurrent requests
        raise AlreadyExists("this username is taken", field="username") from error
    return _get(_GET_BY_ID.execute(connection, user_id=user_id))


def _get(rows: Sequence[Sequence[Any]]) -> User:
    if not rows:
        raise NotFound(_NO_ACCOUNT)
    return User(*rows[0])
