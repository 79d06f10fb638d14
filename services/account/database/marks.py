"""Setting and removing marks, together with the counters that depend on them.

Every transaction here locks its users' rows first. It changes the item's likes last, because all users share that row.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, TextClause, and_, bindparam, delete, insert, select, text, update
from sqlalchemy.dialects import mysql, sqlite

from services.account.database import users
from services.account.database.column_types import Values
from services.account.database.compiled_statements import CompiledStatement
from services.account.database.models import Base, LikesRow, MarkRow, PointsRow, UserRow
from services.account.domain import POINTS, ItemRef, Mark, MarkKind

# How many users remove_from_item locks at once, so that no other transaction waits long.
BATCH_SIZE = 1000


class Gain(NamedTuple):
    """What a mark adds to each of its themes."""

    points: int
    seen: int
    liked: int


_GAINS = {kind: Gain(points, int(kind is MarkKind.SEEN), int(kind is MarkKind.LIKE)) for kind, points in POINTS.items()}
_COUNTERS = {MarkKind.SEEN: UserRow.seen, MarkKind.LIKE: UserRow.liked}

_IS_KEY = and_(
    MarkRow.item_type == bindparam("item_type"),
    MarkRow.item_id == bindparam("item_id"),
    MarkRow.kind == bindparam("kind"),
)
# The user's id, and the categories and themes of the user's mark or NULL; one statement, to save a round trip to MySQL.
_LOCK_USER = CompiledStatement(
    select(UserRow.id, MarkRow.category, MarkRow.themes)
    .outerjoin(MarkRow, and_(MarkRow.user_id == UserRow.id, _IS_KEY))
    .where(UserRow.subject == bindparam("subject"))
    .with_for_update()
)
_INSERT_MARK = CompiledStatement(insert(MarkRow))
_DELETE_MARK = CompiledStatement(delete(MarkRow).where(MarkRow.user_id == bindparam("user_id"), _IS_KEY))
_INCREMENT_COUNTER = {
    kind: CompiledStatement(update(UserRow).where(UserRow.id == bindparam("user_id")).values({counter: counter + 1}))
    for kind, counter in _COUNTERS.items()
}


def _increase(table: type[Base], *counters: str) -> CompiledStatement:
    """Adds to the counters of a row, or inserts the row. Its other values are the primary key."""
    columns = table.__table__.c
    into_sqlite, into_mysql = sqlite.insert(table), mysql.insert(table)
    to_sqlite = {name: columns[name] + into_sqlite.excluded[name] for name in counters}
    to_mysql = {name: columns[name] + into_mysql.inserted[name] for name in counters}
    return CompiledStatement(
        into_sqlite.on_conflict_do_update(index_elements=list(table.__table__.primary_key), set_=to_sqlite),
        mysql=into_mysql.on_duplicate_key_update(to_mysql),
    )


_INCREASE_POINTS = _increase(PointsRow, *Gain._fields)
_INCREASE_LIKES = _increase(LikesRow, "likes")


def _for_lists(sql: str, *lists: str) -> CompiledStatement:
    """A statement with lists as parameters: its text has `IN {users}` for the parameter `users`."""

    def with_lists(form: str) -> TextClause:
        values = {name: form.format(name) for name in lists}
        return text(sql.format_map(values)).bindparams(*(bindparam(name, type_=Values()) for name in lists))

    return CompiledStatement(with_lists("(SELECT value FROM json_each(:{}) AS item)"), mysql=with_lists(":{}"))


_DECREASE_POINTS = _for_lists(
    "UPDATE points SET points = points - :points, seen = seen - :seen, liked = liked - :liked"
    " WHERE user_id IN {users} AND category IN {themes}",
    "users",
    "themes",
)
_DELETE_POINTS = _for_lists(
    "DELETE FROM points WHERE user_id IN {users} AND category IN {themes} AND points <= 0", "users", "themes"
)
_DECREASE_COUNTER = {
    MarkKind.SEEN: _for_lists("UPDATE users SET seen = seen - 1 WHERE id IN {users}", "users"),
    MarkKind.LIKE: _for_lists("UPDATE users SET liked = liked - 1 WHERE id IN {users}", "users"),
}
_DECREASE_LIKES = CompiledStatement(
    update(LikesRow)
    .where(LikesRow.item_type == bindparam("type"), LikesRow.item_id == bindparam("id"))
    .values(likes=LikesRow.likes - bindparam("removed"))
)


def add(
    connection: Connection,
    subject: str,
    mark: Mark,
    kind: MarkKind,
    categories: Sequence[str],
    themes: Sequence[str],
) -> None:
    """Sets a mark. An existing one keeps its time and the themes it gave points to."""
    item, key = mark.item, _key(mark.item, kind)
    rows = _LOCK_USER.execute(connection, subject=subject, **key)
    if not rows:
        users.insert(connection, subject, mark.marked_at)
        rows = _LOCK_USER.execute(connection, subject=subject, **key)
    user_id, existing, _ = rows[0]
    if existing is not None:
        return
    content = {"marked_at": mark.marked_at, "category": list(categories), "themes": list(themes)}
    _INSERT_MARK.execute(connection, user_id=user_id, **key, **content)
    if kind in POINTS:
        gain = _GAINS[kind]._asdict()
        _INCREASE_POINTS.execute_many(connection, [{"user_id": user_id, "category": name} | gain for name in themes])
        _INCREMENT_COUNTER[kind].execute(connection, user_id=user_id)
    if kind is MarkKind.LIKE:
        _INCREASE_LIKES.execute(connection, item_type=item.type, item_id=item.id, likes=1)


def remove(connection: Connection, subject: str, item: ItemRef, kind: MarkKind) -> None:
    """Removes a mark, if it exists, and what it added to points, counters and likes."""
    key = _key(item, kind)
    for user_id, categories, themes in _LOCK_USER.execute(connection, subject=subject, **key):
        if categories is not None:
            _DELETE_MARK.execute(connection, user_id=user_id, **key)
            if kind in POINTS:
                _decrease_points(connection, [user_id], *_added(kind, categories, themes))
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
    columns = (MarkRow.user_id, MarkRow.kind, MarkRow.category, MarkRow.themes)
    marks = [mark for mark in connection.execute(select(*columns).where(is_in_batch)) if mark.kind in POINTS]
    connection.execute(delete(MarkRow).where(is_in_batch))

    _remove_points(connection, marks)
    user_ids_by_kind = {kind: [mark.user_id for mark in marks if mark.kind == kind] for kind in POINTS}
    for kind, ids in user_ids_by_kind.items():
        _decrease_counter(connection, ids, kind)
    _decrease_likes(connection, item, len(user_ids_by_kind[MarkKind.LIKE]))
    return True


def _remove_points(connection: Connection, marks: Sequence[Any]) -> None:
    """Subtracts what the marks added. Most users lose the same number, so there are few updates."""
    added: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for mark in marks:
        names, gain = _added(mark.kind, mark.category, mark.themes)
        for name in names:
            added[mark.user_id, name].update(gain._asdict())
    groups: dict[tuple[str, Gain], list[int]] = defaultdict(list)
    for (user_id, name), sums in added.items():
        groups[name, Gain(**sums)].append(user_id)
    for (name, gain), user_ids in groups.items():
        _decrease_points(connection, user_ids, [name], gain)


def _key(item: ItemRef, kind: MarkKind) -> dict[str, object]:
    return {"item_type": item.type, "item_id": item.id, "kind": int(kind)}


def _added(kind: int, categories: Sequence[str], themes: Sequence[str] | None) -> tuple[Sequence[str], Gain]:
    """The names that a mark gave points to, and what it added to each."""
    gain = _GAINS[MarkKind(kind)]
    if themes is None:  # set by the release before migration 0002
        return categories, Gain(gain.points, 0, 0)
    return themes, gain


def _decrease_points(connection: Connection, user_ids: Sequence[int], themes: Sequence[str], gain: Gain) -> None:
    """Subtracts the same from each user in each theme. The users are locked."""
    if themes:
        _DECREASE_POINTS.execute(connection, users=user_ids, themes=themes, **gain._asdict())
        _DELETE_POINTS.execute(connection, users=user_ids, themes=themes)


def _decrease_likes(connection: Connection, item: ItemRef, likes: int) -> None:
    _DECREASE_LIKES.execute(connection, type=item.type, id=item.id, removed=likes)


def _decrease_counter(connection: Connection, user_ids: Sequence[int], kind: MarkKind) -> None:
    if user_ids:
        _DECREASE_COUNTER[kind].execute(connection, users=user_ids)
