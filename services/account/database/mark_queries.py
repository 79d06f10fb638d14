"""Reads of marks, points and likes. The cost does not grow with the number of marks."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, Dialect, and_, or_, select, tuple_

from services.account.database.column_types import is_mysql
from services.account.database.models import LikesRow, MarkRow, PointsRow, UserRow
from services.account.domain import ItemRef, Mark, MarkKind


def newest_marks(connection: Connection, subject: str, kind: MarkKind, after: Mark | None, limit: int) -> list[Mark]:
    """Newest first, then by descending type and id; `after` is the last mark of the previous page."""
    statement = (
        select(MarkRow.item_type, MarkRow.item_id, MarkRow.marked_at)
        .join(UserRow, UserRow.id == MarkRow.user_id)
        .where(UserRow.subject == subject, MarkRow.kind == kind)
        .order_by(MarkRow.marked_at.desc(), MarkRow.item_type.desc(), MarkRow.item_id.desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(
            MarkRow.marked_at <= after.marked_at,  # redundant, but tells the database where to start in the index
            or_(
                MarkRow.marked_at < after.marked_at,
                MarkRow.item_type < after.item.type,
                and_(MarkRow.item_type == after.item.type, MarkRow.item_id < after.item.id),
            ),
        )
    return [Mark(ItemRef(row.item_type, row.item_id), row.marked_at) for row in connection.execute(statement)]


def filter_marked(connection: Connection, subject: str, items: Sequence[ItemRef]) -> set[ItemRef]:
    """Those of the items that have a mark of the user, of any kind. One index lookup per item."""
    user_id = connection.scalar(select(UserRow.id).where(UserRow.subject == subject))
    if user_id is None or not items:
        return set()
    statement = select(MarkRow.item_type, MarkRow.item_id).where(_is_on_any(items, user_id, connection.dialect))
    return {ItemRef(row.item_type, row.item_id) for row in connection.execute(statement)}


def top_categories(connection: Connection, subject: str, limit: int) -> list[tuple[str, int]]:
    """The user's categories with the most points, and the points; ties in alphabetical order."""
    rows = connection.execute(
        select(PointsRow.category, PointsRow.points)
        .join(UserRow, UserRow.id == PointsRow.user_id)
        .where(UserRow.subject == subject)
        .order_by(PointsRow.points.desc(), PointsRow.category)
        .limit(limit)
    )
    return [(row.category, row.points) for row in rows]


def top_items(connection: Connection, item_type: int, limit: int) -> list[tuple[ItemRef, int]]:
    """The most liked items, and their likes; ties by id."""
    rows = connection.execute(
        select(LikesRow.item_id, LikesRow.likes)
        .where(LikesRow.item_type == item_type, LikesRow.likes > 0)
        .order_by(LikesRow.likes.desc(), LikesRow.item_id)
        .limit(limit)
    )
    return [(ItemRef(item_type, row.item_id), row.likes) for row in rows]


def _is_on_any(items: Iterable[ItemRef], user_id: int, dialect: Dialect) -> ColumnElement[bool]:
    """Each database gets the form for which it looks up one key per item; a test checks this with EXPLAIN."""
    if is_mysql(dialect):
        # With the user id outside of the tuple, MySQL sometimes reads all marks of the user.
        key = tuple_(MarkRow.user_id, MarkRow.item_type, MarkRow.item_id)
        return key.in_([(user_id, item.type, item.id) for item in items])
    ids_by_type: dict[int, list[str]] = defaultdict(list)
    for item in items:
        ids_by_type[item.type].append(item.id)
    conditions = (
        and_(MarkRow.user_id == user_id, MarkRow.item_type == item_type, MarkRow.item_id.in_(ids))
        for item_type, ids in ids_by_type.items()
    )
    return or_(*conditions)
