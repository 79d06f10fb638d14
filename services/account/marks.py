"""Marks, in the database, with everything that is counted from them."""

import datetime
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Dialect, and_, bindparam, delete, insert, or_, select, tuple_, update

from services.account import upserts, users
from services.account.column_types import is_mysql
from services.account.domain import POINTS, Item, Kind, Mark
from services.account.models import LikesRow, MarkRow, PointsRow, UserRow

# The counter of the person's marks of a kind.
COUNTER = {Kind.SEEN: UserRow.seen, Kind.LIKE: UserRow.liked}

_THE_MARK = and_(
    MarkRow.user_id == bindparam("of_user"),
    MarkRow.item_type == bindparam("of_type"),
    MarkRow.item_id == bindparam("of_item"),
    MarkRow.kind == bindparam("of_kind"),
)


def add(
    connection: Connection, subject: str, item: Item, kind: Kind, categories: Sequence[str], now: datetime.datetime
) -> None:
    """Sets a mark. One that is there stays as it is, with its time and the categories it gave points to."""
    user_id = users.locked_or_new(connection, subject, now)
    if _categories(connection, user_id, item, kind) is not None:
        return
    connection.execute(
        insert(MarkRow),
        {
            "user_id": user_id,
            "item_type": item.type,
            "item_id": item.id,
            "kind": kind,
            "marked_at": now,
            "category": list(categories),
        },
    )
    points = [{"user_id": user_id, "category": category, "points": POINTS[kind]} for category in categories]
    upserts.add(connection, PointsRow, "points", points)
    _count(connection, user_id, kind, 1)
    if kind is Kind.LIKE:  # last: the one row here that strangers wait for
        upserts.add(connection, LikesRow, "likes", [{"item_type": item.type, "item_id": item.id, "likes": 1}])


def remove(connection: Connection, subject: str, item: Item, kind: Kind) -> None:
    """Removes a mark, if it is there, and takes away what it gave."""
    user_id = users.locked(connection, subject)
    if user_id is None:
        return
    categories = _categories(connection, user_id, item, kind)
    if categories is None:
        return
    connection.execute(delete(MarkRow).where(_THE_MARK), _key(user_id, item, kind))
    take_points(connection, [user_id], categories, POINTS[kind])
    _count(connection, user_id, kind, -1)
    if kind is Kind.LIKE:
        take_likes(connection, item, 1)


def take_points(connection: Connection, user_ids: Sequence[int], categories: Sequence[str], points: int) -> None:
    """From each of these people, whose rows are locked, in each of these categories."""
    if not categories:
        return
    theirs = and_(PointsRow.user_id.in_(user_ids), PointsRow.category.in_(categories))
    connection.execute(update(PointsRow).where(theirs).values(points=PointsRow.points - points))
    connection.execute(delete(PointsRow).where(theirs, PointsRow.points <= 0))


def take_likes(connection: Connection, item: Item, likes: int) -> None:
    connection.execute(
        update(LikesRow)
        .where(LikesRow.item_type == item.type, LikesRow.item_id == item.id)
        .values(likes=LikesRow.likes - likes)
    )


def page(connection: Connection, subject: str, kind: Kind, after: Mark | None, size: int) -> list[Mark]:
    """Newest first; marks of the same moment in an order that stays."""
    statement = (
        select(MarkRow.item_type, MarkRow.item_id, MarkRow.marked_at)
        .join(UserRow, UserRow.id == MarkRow.user_id)
        .where(UserRow.subject == subject, MarkRow.kind == kind)
        .order_by(MarkRow.marked_at.desc(), MarkRow.item_type.desc(), MarkRow.item_id.desc())
        .limit(size)
    )
    if after is not None:
        statement = statement.where(
            MarkRow.marked_at <= after.marked_at,  # what the index can begin at
            or_(
                MarkRow.marked_at < after.marked_at,
                MarkRow.item_type < after.item.type,
                and_(MarkRow.item_type == after.item.type, MarkRow.item_id < after.item.id),
            ),
        )
    return [Mark(Item(row.item_type, row.item_id), row.marked_at) for row in connection.execute(statement)]


def marked_among(connection: Connection, subject: str, items: Sequence[Item]) -> set[Item]:
    """Which of the items the person has marked in any way. One look-up per item, whatever the number of marks."""
    user_id = connection.scalar(select(UserRow.id).where(UserRow.subject == subject))
    if user_id is None or not items:
        return set()
    marked = select(MarkRow.item_type, MarkRow.item_id).where(_are_among(connection.dialect, user_id, items))
    return {Item(row.item_type, row.item_id) for row in connection.execute(marked)}


def top_categories(connection: Connection, subject: str, limit: int) -> list[tuple[str, int]]:
    rows = connection.execute(
        select(PointsRow.category, PointsRow.points)
        .join(UserRow, UserRow.id == PointsRow.user_id)
        .where(UserRow.subject == subject)
        .order_by(PointsRow.points.desc(), PointsRow.category)
        .limit(limit)
    )
    return [(row.category, row.points) for row in rows]


def top_items(connection: Connection, item_type: int, limit: int) -> list[tuple[Item, int]]:
    rows = connection.execute(
        select(LikesRow.item_id, LikesRow.likes)
        .where(LikesRow.item_type == item_type, LikesRow.likes > 0)
        .order_by(LikesRow.likes.desc(), LikesRow.item_id)
        .limit(limit)
    )
    return [(Item(item_type, row.item_id), row.likes) for row in rows]


def _categories(connection: Connection, user_id: int, item: Item, kind: Kind) -> list[str] | None:
    """What the mark remembers; None where there is no such mark."""
    return connection.scalar(select(MarkRow.category).where(_THE_MARK), _key(user_id, item, kind))


def _key(user_id: int, item: Item, kind: Kind) -> dict[str, object]:
    return {"of_user": user_id, "of_type": item.type, "of_item": item.id, "of_kind": kind}


def _are_among(dialect: Dialect, user_id: int, items: Sequence[Item]) -> ColumnElement[bool]:
    """The condition under which each database looks up one key per item, as EXPLAIN says in a test."""
    if is_mysql(dialect):
        # Were the person apart from the rest of the key, MySQL would now and then rather read all marks of theirs.
        key = tuple_(MarkRow.user_id, MarkRow.item_type, MarkRow.item_id)
        return key.in_([(user_id, item.type, item.id) for item in items])
    ids = {item_type: [item.id for item in items if item.type == item_type] for item_type in {i.type for i in items}}
    return or_(
        *(
            and_(MarkRow.user_id == user_id, MarkRow.item_type == item_type, MarkRow.item_id.in_(ids_of_type))
            for item_type, ids_of_type in ids.items()
        )
    )


def _count(connection: Connection, user_id: int, kind: Kind, change: int) -> None:
    counter = COUNTER[kind]
    connection.execute(update(UserRow).where(UserRow.id == user_id).values({counter: counter + change}))
