"""What the counters must be, counted anew from the marks, one by one and without SQL's help."""

from collections import Counter, defaultdict

import sqlalchemy
from sqlalchemy import Engine

from services.account.domain import Kind
from services.account.models import Base, LikesRow, MarkRow, PointsRow, UserRow


def empty(database: Engine) -> None:
    with database.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(sqlalchemy.delete(table))


def assert_exact(database: Engine) -> None:
    """Every counter in the database equals a recount of the marks in it."""
    with database.begin() as connection:
        marks = connection.execute(sqlalchemy.select(MarkRow.__table__)).all()
        users = connection.execute(sqlalchemy.select(UserRow.__table__)).all()
        likes = connection.execute(sqlalchemy.select(LikesRow.__table__)).all()
        points = connection.execute(sqlalchemy.select(PointsRow.__table__)).all()

    of_kind = Counter((mark.user_id, mark.kind) for mark in marks)
    assert {(user.id, user.seen, user.liked) for user in users} == {
        (user.id, of_kind[user.id, Kind.SEEN], of_kind[user.id, Kind.LIKE]) for user in users
    }
    liked = Counter((mark.item_type, mark.item_id) for mark in marks if mark.kind == Kind.LIKE)
    assert {(row.item_type, row.item_id): row.likes for row in likes if row.likes != 0} == dict(liked)

    given: dict[tuple[int, str], int] = defaultdict(int)
    for mark in marks:
        for category in mark.category:
            given[mark.user_id, category] += {Kind.SEEN: 1, Kind.LIKE: 3}[mark.kind]
    assert {(row.user_id, row.category): row.points for row in points} == dict(given)
