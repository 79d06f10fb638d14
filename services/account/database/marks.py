"""Setting and removing marks, together with the counters that depend on them.

Every transaction here locks its users' rows first. It changes the item's likes last, because all users share that row.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update
from sqlalchemy.dialects import mysql, sqlite

from services.account.database import users
from services.account.database.models import Base, LikesRow, MarkRow, PointsRow, UserRow
from services.account.database.statements import Statement
from services.account.domain import POINTS, ItemRef, Mark, MarkKind

# How many users remove_from_item locks at once, so that no other transaction waits long.
BATCH_SIZE = 1000

_COUNTERS = {MarkKind.SEEN: UserRow.seen, MarkKind.LIKE: UserRow.liked}

_IS_KEY = and_(
    MarkRow.item_type == bindparam("item_type"),
    MarkRow.item_id == bindparam("item_id"),
    MarkRow.kind == bindparam("kind"),
)
# The user's id, and the categories of the user's mark or NULL. One statement, because MySQL is a round trip away.
_LOCK_USER = Statement(
    select(UserRow.id, MarkRow.category)
    .outerjoin(MarkRow, and_(MarkRow.user_id == UserRow.id, _IS_KEY))
    .where(UserRow.subject == bindparam("subject"))
    .with_for_update()
)
_INSERT_MARK = Statement(insert(MarkRow))
_DELETE_MARK = Statement(delete(MarkRow).where(MarkRow.user_id == bindparam("user_id"), _IS_KEY))
_INCREMENT_COUNTER = {
    kind: Statement(update(UserRow).where(UserRow.id == bindparam("user_id")).values({counter: counter + 1}))
    for kind, counter in _COUNTERS.items()
}


def _increase(table: type[Base], counter: str) -> Statement:
    """Adds to the counter of a row, or inserts the row. Its other values are the primary key."""
    column = table.__table__.c[counter]
    into_sqlite, into_mysql = sqlite.insert(table), mysql.insert(table)
    key, change = list(table.__table__.primary_key), {counter: column + into_sqlite.excluded[counter]}
    return Statement(
        into_sqlite.on_conflict_do_update(index_elements=key, set_=change),
        mysql=into_mysql.on_duplicate_key_update({counter: column + into_mysql.inserted[counter]}),
    )


_INCREASE_POINTS = _increase(PointsRow, "points")
_INCREASE_LIKES = _increase(LikesRow, "likes")


def add(connection: Connection, subject: str, mark: Mark, kind: MarkKind, categories: Sequence[str]) -> None:
    """Sets a mark. An existing one keeps its time and the categories it gave points to."""
    item, key = mark.item, _key(mark.item, kind)
    rows = _LOCK_USER.execute(connection, subject=subject, **key)
    if not rows:
        users.insert(connection, subject, mark.marked_at)
        rows = _LOCK_USER.execute(connection, subject=subject, **key)
    user_id, existing = rows[0]
    if existing is not None:
        return
    _INSERT_MARK.execute(connection, user_id=user_id, **key, marked_at=mark.marked_at, category=list(categories))
    points = [{"user_id": user_id, "category": category, "points": POINTS[kind]} for category in categories]
    _INCREASE_POINTS.execute_many(connection, points)
    _INCREMENT_COUNTER[kind].execute(connection, user_id=user_id)
    if kind is MarkKind.LIKE:
        _INCREASE_LIKES.execute(connection, item_type=item.type, item_id=item.id, likes=1)


def remove(connection: Connection, subject: str, item: ItemRef, kind: MarkKind) -> None:
    """Removes a mark, if it exists, and the points and the like that it gave."""
    key = _key(item, kind)
    for user_id, categories in _LOCK_USER.execute(connection, subject=subject, **key):
        if categories is not None:
            _DELETE_MARK.execute(connection, user_id=user_id, **key)
            _decrease_points(connection, [user_id], categories, POINTS[kind])
            _decrease_counter(connection, [user_id], kind)
            if kind is MarkKind.LIKE:
                _decrease_likes(connection, item, 1)


def remove_from_item(connection: Connection, item: ItemRef) -> bool:
    """Removes the marks of up to BATCH_SIZE users on an item. The counters are exact after each batch.

    Once the item has no marks, removes its likes row and returns False.
    """
    is_on_item = and_(MarkRow.item_type == item.type, MarkRow.item_id == item.id)
    candidates = set(connection.scalars(select(MarkRow.user_id).where(is_on_item).limit(BATCH_SIZE)))
    if not candidates:
        is_unused = and_(LikesRow.item_type == item.type, LikesRow.item_id == item.id, LikesRow.likes <= 0)
        connection.execute(delete(LikesRow).where(is_unused))
        return False
    # Always in the order of ids, so that concurrent removals wait for each other instead of deadlocking.
    lock = select(UserRow.id).where(UserRow.id.in_(candidates)).order_by(UserRow.id).with_for_update()
    user_ids = list(connection.scalars(lock))
    is_in_batch = and_(is_on_item, MarkRow.user_id.in_(user_ids))
    marks = connection.execute(select(MarkRow.user_id, MarkRow.kind, MarkRow.category).where(is_in_batch)).all()
    connection.execute(delete(MarkRow).where(is_in_batch))

    _remove_points(connection, marks)
    user_ids_by_kind = {kind: [mark.user_id for mark in marks if mark.kind == kind] for kind in MarkKind}
    for kind, ids in user_ids_by_kind.items():
        _decrease_counter(connection, ids, kind)
    _decrease_likes(connection, item, len(user_ids_by_kind[MarkKind.LIKE]))
    return True


def _remove_points(connection: Connection, marks: Sequence[Any]) -> None:
    """Subtracts the points that the marks gave. Most users lose the same number, so there are few updates."""
    points: Counter[tuple[int, str]] = Counter()
    for mark in marks:
        points.update({(mark.user_id, category): POINTS[mark.kind] for category in mark.category})
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for (user_id, category), amount in points.items():
        groups[category, amount].append(user_id)
    for (category, amount), user_ids in groups.items():
        _decrease_points(connection, user_ids, [category], amount)


def _key(item: ItemRef, kind: MarkKind) -> dict[str, object]:
    return {"item_type": item.type, "item_id": item.id, "kind": int(kind)}


def _decrease_points(connection: Connection, user_ids: Sequence[int], categories: Sequence[str], points: int) -> None:
    """Subtracts the same number of points from each user in each category. The users are locked."""
    if not categories:
        return
    condition = and_(PointsRow.user_id.in_(user_ids), PointsRow.category.in_(categories))
    connection.execute(update(PointsRow).where(condition).values(points=PointsRow.points - points))
    connection.execute(delete(PointsRow).where(condition, PointsRow.points <= 0))


def _decrease_likes(connection: Connection, item: ItemRef, likes: int) -> None:
    connection.execute(
        update(LikesRow)
        .where(LikesRow.item_type == item.type, LikesRow.item_id == item.id)
        .values(likes=LikesRow.likes - likes)
    )


def _decrease_counter(connection: Connection, user_ids: Sequence[int], kind: MarkKind) -> None:
    if user_ids:
        counter = _COUNTERS[kind]
        connection.execute(update(UserRow).where(UserRow.id.in_(user_ids)).values({counter: counter - 1}))
