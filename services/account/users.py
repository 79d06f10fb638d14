"""People, in the database. Each function is work for one transaction, or a step of it."""

import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from services.account import upserts
from services.account.domain import Kind, User
from services.account.models import LikesRow, MarkRow, PointsRow, UserRow
from services.account.usernames import key
from services.common.errors import AlreadyExists, NotFound

MOST_FOUND = 20
_LAST_CHARACTER = "\U0010ffff"  # of Unicode; in no username

_LOCK = select(UserRow.id).where(UserRow.subject == bindparam("subject")).with_for_update()


def create(connection: Connection, subject: str, username: str, now: datetime.datetime) -> User:
    """Names the account of a subject, which is made where there is none."""
    user_id = locked_or_new(connection, subject, now)
    if _get(connection, UserRow.id == user_id).username is not None:
        raise AlreadyExists("there is an account already")
    return _named(connection, user_id, username)


def rename(connection: Connection, subject: str, username: str) -> User:
    return _named(connection, _locked_existing(connection, subject), username)


def get(connection: Connection, subject: str) -> User:
    return _get(connection, UserRow.subject == subject)


def search(connection: Connection, prefix_key: str) -> list[str]:
    """A range of the index rather than LIKE: nothing in it is a wildcard."""
    found = connection.scalars(
        select(UserRow.username)
        .where(UserRow.username_key.between(prefix_key, prefix_key + _LAST_CHARACTER))
        .order_by(UserRow.username_key)
        .limit(MOST_FOUND)
    )
    return [username for username in found if username is not None]


def remove(connection: Connection, subject: str) -> None:
    """Removes a person with all their marks, and gives the items back their likes."""
    user_id = _locked_existing(connection, subject)
    liked = (MarkRow.user_id == user_id, MarkRow.kind == Kind.LIKE)
    connection.execute(
        update(LikesRow)
        .where(*liked, LikesRow.item_type == MarkRow.item_type, LikesRow.item_id == MarkRow.item_id)
        .values(likes=LikesRow.likes - 1)
    )
    connection.execute(delete(MarkRow).where(MarkRow.user_id == user_id))
    connection.execute(delete(PointsRow).where(PointsRow.user_id == user_id))
    connection.execute(delete(UserRow).where(UserRow.id == user_id))


def locked(connection: Connection, subject: str) -> int | None:
    """The person's id; whoever else changes anything of theirs waits until this transaction has ended."""
    return connection.scalar(_LOCK, {"subject": subject})


def locked_or_new(connection: Connection, subject: str, now: datetime.datetime) -> int:
    """The same, for a person who gets an account without a name where they have none."""
    user_id = locked(connection, subject)
    if user_id is None:
        upserts.insert_missing(connection, UserRow, "subject", {"subject": subject, "created_at": now})
        user_id = locked(connection, subject)
    assert user_id is not None, "inserted or locked just now"
    return user_id


def _locked_existing(connection: Connection, subject: str) -> int:
    user_id = locked(connection, subject)
    if user_id is None:
        raise NotFound("there is no account yet")
    return user_id


def _named(connection: Connection, user_id: int, username: str) -> User:
    change = update(UserRow).where(UserRow.id == user_id).values(username=username, username_key=key(username))
    try:
        connection.execute(change)
    except IntegrityError as error:  # the unique index has the last word, whoever was first
        raise AlreadyExists("this username is taken", field="username") from error
    return _get(connection, UserRow.id == user_id)


def _get(connection: Connection, which: ColumnElement[bool]) -> User:
    row = connection.execute(
        select(UserRow.username, UserRow.created_at, UserRow.seen, UserRow.liked).where(which)
    ).one_or_none()
    if row is None:
        raise NotFound("there is no account yet")
    return User(row.username, row.created_at, row.seen, row.liked)
