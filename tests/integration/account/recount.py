"""Recomputes all counters from the marks, row by row and without SQL."""

from collections import Counter, defaultdict

import sqlalchemy
from sqlalchemy import Engine

from services.account.database.models import LikesRow, MarkRow, PointsRow, UserRow
from services.account.domain import MarkKind


def assert_counters_exact(database: Engine) -> None:
    """Every counter in the database equals a recount of the marks."""
    with database.begin() as connection:
        marks = connection.execute(sqlalchemy.select(MarkRow.__table__)).all()
        users = connection.execute(sqlalchemy.select(UserRow.__table__)).all()
        likes = connection.execute(sqlalchemy.select(LikesRow.__table__)).all()
        points = connection.execute(sqlalchemy.select(PointsRow.__table__)).all()

    marks_by_kind = Counter((mark.user_id, mark.kind) for mark in marks)
    assert {(user.id, user.seen, user.liked) for user in users} == {
        (user.id, marks_by_kind[user.id, MarkKind.SEEN], marks_by_kind[user.id, MarkKind.LIKE]) for user in users
    }
    expected_likes = Counter((mark.item_type, mark.item_id) for mark in marks if mark.kind == MarkKind.LIKE)
    assert {(row.item_type, row.item_id): row.likes for row in likes if row.likes != 0} == expected_likes

    expected_points: dict[tuple[int, str], Counter[int]] = defaultdict(Counter)
    for mark in marks:
        for theme in mark.themes if mark.kind in (MarkKind.SEEN, MarkKind.LIKE) else ():
            expected_points[mark.user_id, theme][mark.kind] += 1
    assert {(row.user_id, row.category): (row.points, row.seen, row.liked) for row in points} == {
        key: (kinds[MarkKind.SEEN] + 3 * kinds[MarkKind.LIKE], kinds[MarkKind.SEEN], kinds[MarkKind.LIKE])
        for key, kinds in expected_points.items()
    }
