"""Setting and removing marks, together with the counters that depend on them.

Every transaction here locks its users' rows first. It changes the item's likes last, because all users share that row.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update
from sqlalchemy.dialects import mysql, sqlite

from services.account.database import users
from services.account.database.column_types import is_mysql
from services.account.database.models import Base, LikesRow, MarkRow, PointsRow, UserRow
from services.account.domain import POINTS, ItemRef, Mark, MarkKind

# How many users remove_from_item locks at once, so that no other transaction waits long.
BATCH_SIZE = 1000

_COUNTERS = {MarkKind.SEEN: UserRow.seen, MarkKind.LIKE: UserRow.liked}

_IS_MARK = and_(
    MarkRow.user_id == bindparam("user_id"),
    MarkRow.item_type == bindparam("item_type"),
    MarkRow.item_id == bindparam("item_id"),
    MarkRow.kind == bindparam("kind"),
)
_SELECT_CATEGORIES = select(MarkRow.category).where(_IS_MARK)
_DELETE_MARK = delete(MarkRow).where(_IS_MARK)


def add(connection: Connection, subject: str, mark: Mark, kind: MarkKind, categories: Sequence[str]) -> None:
    """Sets a mark. An existing one keeps its time and the categories it gave points to."""
    item = mark.item
    user_id = users.lock_or_create(connection, subject, mark.marked_at)
    key = _key(user_id, item, kind)
    if connection.scalar(_SELECT_CATEGORIES, key) is not None:
        return
    connection.execute(insert(MarkRow), key | {"marked_at": mark.marked_at, "category": list(categories)})
    points = [{"user_id": user_id, "category": category, "points": POINTS[kind]} for category in categories]
    _increase(connection, PointsRow, "points", points)
    _change_counter(connection, [user_id], kind, 1)
    if kind is MarkKind.LIKE:
        _increase(connection, LikesRow, "likes", [{"item_type": item.type, "item_id": item.id, "likes": 1}])


def remove(connection: Connection, subject: str, item: ItemRef, kind: MarkKind) -> None:
    """Removes a mark, if it exists, and the points and the like that it gave."""
    user_id = users.lock(connection, subject)
    if user_id is None:
        return
    key = _key(user_id, item, kind)
    categories = connection.scalar(_SELECT_CATEGORIES, key)
    if categories is None:
        return
    connection.execute(_DELETE_MARK, key)
    _decrease_points(connection, [user_id], categories, POINTS[kind])
    _change_counter(connection, [user_id], kind, -1)
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
        _change_counter(connection, ids, kind, -1)
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


def _key(user_id: int, item: ItemRef, kind: MarkKind) -> dict[str, object]:
    return {"user_id": user_id, "item_type": item.type, "item_id": item.id, "kind": kind}


def _increase(connection: Connection, table: type[Base], counter: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds to the counter of each row, or inserts the row. Its other values are the primary key."""
    if not rows:
        return
    column = table.__table__.c[counter]
    if is_mysql(connection.dialect):
        into_mysql = mysql.insert(table)
        change = {counter: column + into_mysql.inserted[counter]}
        connection.execute(into_mysql.on_duplicate_key_update(change), list(rows))
    else:
        into_sqlite = sqlite.insert(table)
        key, change = list(table.__table__.primary_key), {counter: column + into_sqlite.excluded[counter]}
        connection.execute(into_sqlite.on_conflict_do_update(index_elements=key, set_=change), list(rows))


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


def _change_counter(connection: Connection, user_ids: Sequence[int], kind: MarkKind, change: int) -> None:
    if user_ids:
        counter = _COUNTERS[kind]
        connection.execute(update(UserRow).where(UserRow.id.in_(user_ids)).values({counter: counter + change}))
