"""Migration 0002 on a filled database of the previous release: marks get themes, points are counted anew."""

import functools
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy
from alembic import command
from sqlalchemy import Engine

from seen.v1.types_pb2 import BOOK, ItemType
from services.account.database import engines, marks
from services.account.database.models import Base, LikesRow, MarkRow, PointsRow, UserRow
from services.account.domain import ItemRef, Mark, MarkKind
from services.account.migrate import alembic_config, migrate
from services.common import themes as vocabulary
from services.common.themes import themes
from tests.integration.account.conftest import insert_rows, settings_for
from tests.integration.account.recount import assert_counters_exact

FIRST = "0001"
USERS = 1100  # more than two batches
HEAVY_USER = 700  # has more marks than a batch
NOON = datetime(2024, 5, 1, 12, 0, 0, 123456, UTC)
LABELS = ["Science Fiction", "Sci-Fi", "Fantasy", "No Such Label", "Éclat ", "Shounen", "Drama"]

Rows = dict[type[Base], list[dict[str, Any]]]


@pytest.fixture
def first_release(new_url: str) -> Iterator[Engine]:
    """The tables of migration 0001 without rows."""
    engine = engines.migration_engine(settings_for(new_url), lock_timeout_s=10)
    run(engine, command.upgrade, FIRST)
    yield engine
    engine.dispose()


def run(engine: Engine, alembic: Any, revision: str) -> None:
    with engine.connect() as connection, connection.begin():
        alembic(alembic_config(connection), revision)


@functools.cache
def first_rows() -> Rows:
    """What the first release stores, with categories that have a theme, share one, or have none."""
    rng = random.Random(6)
    rows: Rows = {UserRow: [], MarkRow: [], PointsRow: [], LikesRow: []}
    for user_id in range(1, USERS + 1):
        points: Counter[str] = Counter()
        counters = {MarkKind.SEEN: 0, MarkKind.LIKE: 0}
        for item in rng.sample(range(8000), 4200 if user_id == HEAVY_USER else rng.randrange(7)):
            for kind in rng.choice([[MarkKind.SEEN], [MarkKind.LIKE], [MarkKind.SEEN, MarkKind.LIKE]]):
                category = rng.sample(LABELS, rng.randrange(4))
                points.update(dict.fromkeys(category, 1 if kind is MarkKind.SEEN else 3))
                counters[kind] += 1
                key = {"user_id": user_id, "item_type": 1 + item % 3, "item_id": f"é{item}", "kind": kind}
                rows[MarkRow].append(key | {"marked_at": NOON + timedelta(microseconds=item), "category": category})
        rows[UserRow].append(
            {"id": user_id, "subject": f"s{user_id}", "username": None, "username_key": None, "created_at": NOON}
            | {"seen": counters[MarkKind.SEEN], "liked": counters[MarkKind.LIKE]}
        )
        rows[PointsRow] += [{"user_id": user_id, "category": name, "points": number} for name, number in points.items()]
    likes = Counter((mark["item_type"], mark["item_id"]) for mark in rows[MarkRow] if mark["kind"] == MarkKind.LIKE)
    rows[LikesRow] = [{"item_type": key[0], "item_id": key[1], "likes": number} for key, number in likes.items()]
    return rows


def stored(engine: Engine, table: type[Base], *columns: str) -> list[tuple[Any, ...]]:
    with engine.begin() as connection:
        selected = [table.__table__.c[name] for name in columns]
        return sorted(tuple(row) for row in connection.execute(sqlalchemy.select(*selected)))


def values(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in rows)


def assert_migrated(engine: Engine, rows: Rows) -> None:
    """The themes are those of the categories, the counters those of the marks, and nothing else has changed."""
    expected = [
        row | {"themes": list(themes(ItemType.Name(row["item_type"]), row["category"]))} for row in rows[MarkRow]
    ]
    assert stored(engine, MarkRow, *expected[0]) == values(expected)
    assert stored(engine, UserRow, *rows[UserRow][0]) == values(rows[UserRow])
    assert_counters_exact(engine)


def test_points_equal_those_computed_from_the_marks_until_the_migration_is_undone(
    new_url: str, first_release: Engine
) -> None:
    rows = first_rows()
    insert_rows(first_release, rows)
    migrate(settings_for(new_url))
    assert_migrated(first_release, rows)
    with first_release.begin() as connection:
        marks.add(connection, "s1", Mark(ItemRef(BOOK, "new"), NOON), MarkKind.NOT_INTERESTED, ["Art"], ["Art"])
    run(first_release, command.downgrade, FIRST)
    for table, table_rows in rows.items():
        assert stored(first_release, table, *table_rows[0]) == values(table_rows)


def test_an_interrupted_migration_is_completed_by_the_next(
    new_url: str, first_release: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = first_rows()
    insert_rows(first_release, rows)
    calls = iter(range(9000))  # two calls for a mark: ends in the third batch

    def interrupted(item_type: str, categories: list[str]) -> tuple[str, ...]:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return themes(item_type, categories)

    with monkeypatch.context() as patch:
        patch.setattr(vocabulary, "themes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            migrate(settings_for(new_url))
    migrate(settings_for(new_url))
    assert_migrated(first_release, rows)


def test_a_mark_that_the_previous_release_sets_later_is_removed_with_its_points(
    new_url: str, first_release: Engine
) -> None:
    """During a rolling deployment: it knows none of the new columns, and gives points to categories."""
    migrate(settings_for(new_url))
    mark = {"user_id": 1, "item_type": BOOK, "item_id": "old", "kind": MarkKind.SEEN, "marked_at": NOON}
    rows: Rows = {
        UserRow: [{"id": 1, "subject": "ana", "created_at": NOON, "seen": 1, "liked": 0}],
        MarkRow: [mark | {"category": ["Fantasy", "Art"]}],
        PointsRow: [{"user_id": 1, "category": name, "points": 1} for name in ("Fantasy", "Art")],
    }
    insert_rows(first_release, rows)
    with first_release.begin() as connection:
        new = Mark(ItemRef(BOOK, "new"), NOON)
        marks.add(connection, "ana", new, MarkKind.LIKE, ["Art"], ["Art"])
        marks.remove(connection, "ana", ItemRef(BOOK, "old"), MarkKind.SEEN)
    assert stored(first_release, PointsRow, "category", "points", "seen", "liked") == [("Art", 3, 0, 1)]
    assert_counters_exact(first_release)


def test_repeating_the_migration_repairs_what_the_previous_release_has_changed_since(
    new_url: str, first_release: Engine
) -> None:
    migrate(settings_for(new_url))
    key = {"user_id": 1, "item_type": BOOK, "item_id": "old"}
    rows: Rows = {
        UserRow: [{"id": 1, "subject": "ana", "created_at": NOON, "seen": 1, "liked": 0}],
        MarkRow: [key | {"kind": MarkKind.SEEN, "marked_at": NOON, "category": ["Fantasy"]}],
        # Left over from a mark that it has removed.
        PointsRow: [{"user_id": 1, "category": "Drama", "points": 3, "seen": 0, "liked": 1}],
    }
    insert_rows(first_release, rows)
    with first_release.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    migrate(settings_for(new_url))
    assert_counters_exact(first_release)
