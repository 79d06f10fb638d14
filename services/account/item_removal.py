"""Removing everyone's marks on an item that has gone, a thousand at a time, so that nobody waits long for a lock."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, select, update

from services.account import marks
from services.account.domain import POINTS, Item, Kind
from services.account.models import LikesRow, MarkRow, UserRow

CHUNK = 1000


def remove_chunk(connection: Connection, item: Item) -> bool:
    """Removes the marks of some people. Whether there may be more; once there are none, the item's counter goes too."""
    on_item = (MarkRow.item_type == item.type, MarkRow.item_id == item.id)
    candidates = set(connection.scalars(select(MarkRow.user_id).where(*on_item).limit(CHUNK)))
    if not candidates:
        connection.execute(
            delete(LikesRow).where(LikesRow.item_type == item.type, LikesRow.item_id == item.id, LikesRow.likes <= 0)
        )
        return False
    # In one order, so that two removals wait for each other instead of deadlocking.
    lock = select(UserRow.id).where(UserRow.id.in_(candidates)).order_by(UserRow.id).with_for_update()
    user_ids = list(connection.scalars(lock))
    theirs = (*on_item, MarkRow.user_id.in_(user_ids))
    found = connection.execute(select(MarkRow.user_id, MarkRow.kind, MarkRow.category).where(*theirs)).all()
    connection.execute(delete(MarkRow).where(*theirs))

    people_of_kind = {kind: [row.user_id for row in found if row.kind == kind] for kind in Kind}
    for kind, people in people_of_kind.items():
        _uncount(connection, kind, people)
    for (category, points), people in _by_points((row.user_id, Kind(row.kind), row.category) for row in found).items():
        marks.take_points(connection, people, [category], points)
    marks.take_likes(connection, item, len(people_of_kind[Kind.LIKE]))
    return True


def _uncount(connection: Connection, kind: Kind, user_ids: Sequence[int]) -> None:
    if user_ids:
        counter = marks.COUNTER[kind]
        connection.execute(update(UserRow).where(UserRow.id.in_(user_ids)).values({counter: counter - 1}))


def _by_points(rows: Iterable[tuple[int, Kind, Sequence[str]]]) -> dict[tuple[str, int], list[int]]:
    """Who loses how many points in which category. Marks on one item mostly agree, so there are few groups."""
    lost: dict[tuple[int, str], int] = defaultdict(int)
    for user_id, kind, categories in rows:
        for category in categories:
            lost[user_id, category] += POINTS[kind]
    people: dict[tuple[str, int], list[int]] = defaultdict(list)
    for (user_id, category), points in lost.items():
        people[category, points].append(user_id)
    return people
