"""Reads of marks, points and likes. The cost does not grow with the number of marks."""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, and_, bindparam, or_, select, text

from services.account.database.column_types import is_mysql
from services.account.database.models import LikesRow, MarkRow, PointsRow, UserRow
from services.account.database.statements import Statement
from services.account.domain import ItemRef, Mark, MarkKind

_NEWEST = (
    select(MarkRow.item_type, MarkRow.item_id, MarkRow.marked_at)
    .join(UserRow, UserRow.id == MarkRow.user_id)
    .where(UserRow.subject == bindparam("subject"), MarkRow.kind == bindparam("kind"))
    .order_by(MarkRow.marked_at.desc(), MarkRow.item_type.desc(), MarkRow.item_id.desc())
    .limit(bindparam("limit"))
)
_NEWEST_MARKS = Statement(_NEWEST)
_NEWEST_MARKS_AFTER = Statement(
    _NEWEST.where(
        # Redundant, but tells the database where to start in the index.
        MarkRow.marked_at <= bindparam("marked_at"),
        or_(
            MarkRow.marked_at < bindparam("marked_at"),
            MarkRow.item_type < bindparam("item_type"),
            and_(MarkRow.item_type == bindparam("item_type"), MarkRow.item_id < bindparam("item_id")),
        ),
    )
)
_TOP_CATEGORIES = Statement(
    select(PointsRow.category, PointsRow.points)
    .join(UserRow, UserRow.id == PointsRow.user_id)
    .where(UserRow.subject == bindparam("subject"))
    .order_by(PointsRow.points.desc(), PointsRow.category)
    .limit(bindparam("limit"))
)
_TOP_ITEMS = Statement(
    select(LikesRow.item_id, LikesRow.likes)
    .where(LikesRow.item_type == bindparam("item_type"), LikesRow.likes > 0)
    .order_by(LikesRow.likes.desc(), LikesRow.item_id)
    .limit(bindparam("limit"))
)
# The items are a JSON array, so one text serves any number of them. CROSS JOIN keeps SQLite from changing the order of
# the tables, so it looks up one key per item.
_FILTER_MARKED_SQLITE = Statement(
    text("""
        SELECT marks.item_type, marks.item_id
        FROM users CROSS JOIN json_each(:items) AS item CROSS JOIN marks
        ON marks.user_id = users.id
            AND marks.item_type = json_extract(item.value, '$[0]')
            AND marks.item_id = json_extract(item.value, '$[1]')
        WHERE users.subject = :subject
    """).columns(MarkRow.item_type, MarkRow.item_id)
)
# PyMySQL expands the list of keys. With the user id outside of the tuple, MySQL sometimes reads all marks of the user.
_FILTER_MARKED_MYSQL = Statement(
    text("SELECT item_type, item_id FROM marks WHERE (user_id, item_type, item_id) IN :keys").columns(
        MarkRow.item_type, MarkRow.item_id
    )
)
_USER_ID = Statement(select(UserRow.id).where(UserRow.subject == bindparam("subject")))


def newest_marks(connection: Connection, subject: str, kind: MarkKind, after: Mark | None, limit: int) -> list[Mark]:
    """Newest first, then by descending type and id; `after` is the last mark of the previous page."""
    first = {"subject": subject, "kind": int(kind), "limit": limit}
    if after is None:
        rows = _NEWEST_MARKS.execute(connection, **first)
    else:
        last = {"item_type": after.item.type, "item_id": after.item.id, "marked_at": after.marked_at}
        rows = _NEWEST_MARKS_AFTER.execute(connection, **first, **last)
    return [Mark(ItemRef(item_type, item_id), marked_at) for item_type, item_id, marked_at in rows]


def filter_marked(connection: Connection, subject: str, items: Sequence[ItemRef]) -> set[ItemRef]:
    """Those of the items that have a mark of the user, of any kind. One index lookup per item."""
    if is_mysql(connection.dialect):
        return _filter_marked_mysql(connection, subject, items)
    array = json.dumps([(item.type, item.id) for item in items])
    rows = _FILTER_MARKED_SQLITE.execute(connection, subject=subject, items=array)
    return {ItemRef(item_type, item_id) for item_type, item_id in rows}


def top_categories(connection: Connection, subject: str, limit: int) -> list[tuple[str, int]]:
    """The user's categories with the most points, and the points; ties in alphabetical order."""
    return list(_TOP_CATEGORIES.execute(connection, subject=subject, limit=limit))


def top_items(connection: Connection, item_type: int, limit: int) -> list[tuple[ItemRef, int]]:
    """The most liked items, and their likes; ties by id."""
    rows = _TOP_ITEMS.execute(connection, item_type=item_type, limit=limit)
    return [(ItemRef(item_type, item_id), likes) for item_id, likes in rows]


def _filter_marked_mysql(connection: Connection, subject: str, items: Sequence[ItemRef]) -> set[ItemRef]:
    users = _USER_ID.execute(connection, subject=subject)
    if not users or not items:
        return set()
    [[user_id]] = users
    keys = [(user_id, item.type, item.id.encode()) for item in items]
    rows = _FILTER_MARKED_MYSQL.execute(connection, keys=keys)
    return {ItemRef(item_type, item_id) for item_type, item_id in rows}
