"""Reads of marks, points and likes. The cost does not grow with the number of marks."""

import datetime
import functools
import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Connection, String, and_, bindparam, func, or_, select, text, tuple_, type_coerce
from sqlalchemy.orm import aliased

from seen.v1.types_pb2 import ItemType
from services.account.database.column_types import is_mysql
from services.account.database.compiled_statements import CompiledStatement
from services.account.database.models import LikesRow, MarkRow, PointsRow, UserRow
from services.account.domain import ExportKey, ItemRef, Mark, MarkKind, RecentMark, RecentMarks, ThemePoints
from services.common.themes import themes as themes_of

_NEWEST = (
    select(MarkRow.item_type, MarkRow.item_id, MarkRow.marked_at)
    .join(UserRow, UserRow.id == MarkRow.user_id)
    .where(UserRow.subject == bindparam("subject"), MarkRow.kind == bindparam("kind"))
    .order_by(MarkRow.marked_at.desc(), MarkRow.item_type.desc(), MarkRow.item_id.desc())
    .limit(bindparam("limit"))
)
_NEWEST_MARKS = CompiledStatement(_NEWEST)
_NEWEST_MARKS_AFTER = CompiledStatement(
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
_OTHER = aliased(MarkRow)
# The newest marks of one kind, with the time of the item's mark of the other kind or NULL. Times and lists stay text:
# times are only compared, and most lists are in the cache of `_lists`.
_RECENT_MARKS = CompiledStatement(
    select(
        MarkRow.item_type,
        MarkRow.item_id,
        type_coerce(MarkRow.marked_at, String),
        type_coerce(_OTHER.marked_at, String),
        type_coerce(MarkRow.category, String),
        type_coerce(MarkRow.themes, String),
    )
    .join(UserRow, UserRow.id == MarkRow.user_id)
    .outerjoin(
        _OTHER,
        and_(
            _OTHER.user_id == MarkRow.user_id,
            _OTHER.item_type == MarkRow.item_type,
            _OTHER.item_id == MarkRow.item_id,
            _OTHER.kind == bindparam("other_kind"),
        ),
    )
    .where(UserRow.subject == bindparam("subject"), MarkRow.kind == bindparam("kind"))
    .order_by(MarkRow.marked_at.desc(), MarkRow.item_type.desc(), MarkRow.item_id.desc())
    .limit(bindparam("limit"))
)
_KEY = (MarkRow.user_id, MarkRow.item_type, MarkRow.item_id, MarkRow.kind)
_PAGE = select(*_KEY, MarkRow.marked_at).order_by(*_KEY).limit(bindparam("limit"))
# Both forms start in the primary key right after the last mark. MySQL does not, for a comparison of tuples.
_EXPORT = CompiledStatement(
    _PAGE.where(tuple_(*_KEY) > tuple_(*(bindparam(name) for name in ExportKey._fields))),
    mysql=_PAGE.where(
        or_(
            *(
                and_(
                    *(column == bindparam(name) for column, name in zip(_KEY[:last], ExportKey._fields, strict=False)),
                    _KEY[last] > bindparam(ExportKey._fields[last]),
                )
                for last in range(len(_KEY))
            )
        )
    ),
)
_BEFORE_ALL = ExportKey(0, 0, "", 0)
_COUNT = CompiledStatement(select(func.coalesce(func.sum(UserRow.seen + UserRow.liked), 0)))
_TOP_CATEGORIES = CompiledStatement(
    select(PointsRow.category, PointsRow.points, PointsRow.seen, PointsRow.liked)
    .join(UserRow, UserRow.id == PointsRow.user_id)
    .where(UserRow.subject == bindparam("subject"))
    .order_by(PointsRow.points.desc(), PointsRow.category)
    .limit(bindparam("limit"))
)
_TOP_ITEMS = CompiledStatement(
    select(LikesRow.item_id, LikesRow.likes)
    .where(LikesRow.item_type == bindparam("item_type"), LikesRow.likes > 0)
    .order_by(LikesRow.likes.desc(), LikesRow.item_id)
    .limit(bindparam("limit"))
)
# The items are a JSON array, so that one statement serves any number of them. CROSS JOIN keeps SQLite from changing the
# order of the tables, so that it looks up one key per item.
_MARKS_ON_ITEMS_SQLITE = CompiledStatement(
    text("""
        SELECT marks.item_type, marks.item_id, marks.kind
        FROM users CROSS JOIN json_each(:items) AS item CROSS JOIN marks
        ON marks.user_id = users.id
            AND marks.item_type = json_extract(item.value, '$[0]')
            AND marks.item_id = json_extract(item.value, '$[1]')
        WHERE users.subject = :subject
    """).columns(MarkRow.item_type, MarkRow.item_id, MarkRow.kind)
)
# PyMySQL expands the list of keys. With the user id outside of the tuple, MySQL sometimes reads all marks of the user.
_MARKS_ON_ITEMS_MYSQL = CompiledStatement(
    text("SELECT item_type, item_id, kind FROM marks WHERE (user_id, item_type, item_id) IN :keys").columns(
        MarkRow.item_type, MarkRow.item_id, MarkRow.kind
    )
)
_USER_ID = CompiledStatement(select(UserRow.id).where(UserRow.subject == bindparam("subject")))


def newest_marks(connection: Connection, subject: str, kind: MarkKind, after: Mark | None, limit: int) -> list[Mark]:
    """Newest first, then by descending type and id; `after` is the last mark of the previous page."""
    first = {"subject": subject, "kind": int(kind), "limit": limit}
    if after is None:
        rows = _NEWEST_MARKS.execute(connection, **first)
    else:
        last = {"item_type": after.item.type, "item_id": after.item.id, "marked_at": after.marked_at}
        rows = _NEWEST_MARKS_AFTER.execute(connection, **first, **last)
    return [Mark(ItemRef(item_type, item_id), marked_at) for item_type, item_id, marked_at in rows]


def recent_marks(connection: Connection, subject: str, limit: int) -> RecentMarks:
    """At most `limit` items of each list, newest first."""
    newest: list[tuple[Any, ...]] = []
    for kind, other in ((MarkKind.SEEN, MarkKind.LIKE), (MarkKind.LIKE, MarkKind.SEEN)):
        rows = _RECENT_MARKS.execute(
            connection, subject=subject, kind=int(kind), other_kind=int(other), limit=limit + 1
        )
        newest += [
            (marked_at, item_type, item_id, kind, other_at is not None, *lists)
            for item_type, item_id, marked_at, other_at, *lists in rows
            # Each item once, by its latest mark.
            if other_at is None or (marked_at, kind) > (other_at, other)
        ]
    newest.sort(key=lambda mark: mark[:3], reverse=True)
    not_interested = _NEWEST_MARKS.execute(
        connection, subject=subject, kind=int(MarkKind.NOT_INTERESTED), limit=limit + 1
    )
    return RecentMarks(
        [_recent_mark(*mark[1:]) for mark in newest[:limit]],
        len(newest) <= limit,
        [ItemRef(item_type, item_id) for item_type, item_id, _ in not_interested[:limit]],
        len(not_interested) <= limit,
    )


def _recent_mark(
    item_type: int, item_id: str, kind: MarkKind, has_other: bool, category: str, themes: str | None
) -> RecentMark:
    return RecentMark(
        ItemRef(item_type, item_id),
        has_other or kind is MarkKind.SEEN,
        has_other or kind is MarkKind.LIKE,
        *_lists(item_type, category, themes),
    )


@functools.lru_cache(maxsize=8192)  # many items have the same labels
def _lists(item_type: int, category: str, themes: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The categories and themes of a mark. Marks of the previous release have no themes."""
    categories = tuple(json.loads(category))
    if themes is not None:
        return categories, tuple(json.loads(themes))
    return categories, themes_of(cast(ItemType, item_type), categories)


def export(
    connection: Connection, after: ExportKey | None, limit: int
) -> Sequence[tuple[int, int, str, int, datetime.datetime]]:
    """All users' marks of any kind, in the order of the primary key: the members of the key, then the time."""
    return _EXPORT.execute(connection, limit=limit, **(after or _BEFORE_ALL)._asdict())


def count(connection: Connection) -> int:
    """The number of all users' marks as seen and liked. Reads all users, but no marks."""
    [[number]] = _COUNT.execute(connection)
    return int(number)  # MySQL's sums are decimal numbers


def marks_on(connection: Connection, subject: str, items: Sequence[ItemRef]) -> dict[ItemRef, set[int]]:
    """The kinds of the user's marks on these items, without items that have none. One index lookup per item."""
    if is_mysql(connection.dialect):
        rows = _marks_on_mysql(connection, subject, items)
    else:
        array = json.dumps([(item.type, item.id) for item in items])
        rows = _MARKS_ON_ITEMS_SQLITE.execute(connection, subject=subject, items=array)
    kinds: dict[ItemRef, set[int]] = defaultdict(set)
    for item_type, item_id, kind in rows:
        kinds[ItemRef(item_type, item_id)].add(kind)
    return kinds


def top_categories(connection: Connection, subject: str, limit: int) -> list[ThemePoints]:
    """The user's themes with the most points; ties in alphabetical order."""
    return [ThemePoints(*row) for row in _TOP_CATEGORIES.execute(connection, subject=subject, limit=limit)]


def top_items(connection: Connection, item_type: int, limit: int) -> list[tuple[ItemRef, int]]:
    """The most liked items, and their likes; ties by id."""
    rows = _TOP_ITEMS.execute(connection, item_type=item_type, limit=limit)
    return [(ItemRef(item_type, item_id), likes) for item_id, likes in rows]


def _marks_on_mysql(connection: Connection, subject: str, items: Sequence[ItemRef]) -> Sequence[Any]:
    users = _USER_ID.execute(connection, subject=subject)
    if not users or not items:
        return ()
    [[user_id]] = users
    keys = [(user_id, item.type, item.id.encode()) for item in items]
    return _MARKS_ON_ITEMS_MYSQL.execute(connection, keys=keys)
