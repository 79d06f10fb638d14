"""What is asked often is answered from an index, whatever the number of marks: the databases say so (EXPLAIN)."""

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Connection, Engine, event

from seen.v1.types_pb2 import BOOK
from services.account import item_removal, marks, users
from services.account.domain import Item, Kind, Mark
from services.account.models import Base, LikesRow, MarkRow, PointsRow, UserRow

MANY = 3000
NOW = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
FIRST = Mark(Item(BOOK, "id500"), NOW + datetime.timedelta(seconds=500))

WORK: dict[str, Callable[[Connection], Any]] = {
    "add": lambda connection: marks.add(connection, "s1", Item(BOOK, "new"), Kind.LIKE, ["c1", "new"], NOW),
    "remove": lambda connection: marks.remove(connection, "s1", Item(BOOK, "id7"), Kind.LIKE),
    "get": lambda connection: users.get(connection, "s1"),
    "search": lambda connection: users.search(connection, "name1"),
    "page": lambda connection: marks.page(connection, "s1", Kind.LIKE, None, 20),
    "next page": lambda connection: marks.page(connection, "s1", Kind.LIKE, FIRST, 20),
    "filter": lambda connection: marks.marked_among(connection, "s1", [Item(BOOK, f"id{n}") for n in range(30)]),
    "filter types": lambda connection: marks.marked_among(connection, "s1", [Item(n % 3, f"id{n}") for n in range(30)]),
    "top categories": lambda connection: marks.top_categories(connection, "s1", 3),
    "top items": lambda connection: marks.top_items(connection, BOOK, 10),
}


@pytest.fixture
def full(database: Engine) -> Engine:
    """One person with many marks among others with a few, in many categories."""
    of_first = [
        {"user_id": 1, "item_type": BOOK, "item_id": f"id{n}", "kind": Kind.LIKE, "category": ["c1"]}
        | {"marked_at": NOW + datetime.timedelta(seconds=n)}
        for n in range(MANY)
    ]
    rows: dict[type[Base], list[dict[str, Any]]] = {
        UserRow: [
            {"id": n, "subject": f"s{n}", "username": f"name{n}", "username_key": f"name{n}", "created_at": NOW}
            for n in range(1, MANY + 1)
        ],
        MarkRow: of_first + [mark | {"user_id": n} for n in range(2, 102) for mark in of_first[:20]],
        LikesRow: [{"item_type": BOOK, "item_id": f"id{n}", "likes": 1} for n in range(MANY)],
        PointsRow: [{"user_id": n, "category": f"c{c}", "points": c} for n in range(1, 21) for c in range(MANY // 20)],
    }
    with database.begin() as connection:
        for table, inserted in rows.items():
            connection.execute(sqlalchemy.insert(table), inserted)
    with database.begin() as connection:
        names = ", ".join(Base.metadata.tables)
        connection.exec_driver_sql("ANALYZE" if database.dialect.name == "sqlite" else f"ANALYZE TABLE {names}")
    return database


@contextmanager
def statements(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """Those that are executed in here."""
    executed: list[tuple[str, Any]] = []

    def remember(
        _connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        executed.append((statement, parameters[0] if many else parameters))

    event.listen(connection, "before_cursor_execute", remember)
    yield executed
    event.remove(connection, "before_cursor_execute", remember)


def test_no_statement_reads_more_than_it_answers(full: Engine) -> None:
    finds_by_index = _sqlite_finds_by_index if full.dialect.name == "sqlite" else _mariadb_finds_by_index
    for work in WORK.values():
        with full.connect() as connection:
            with statements(connection) as executed:
                work(connection)
            for statement, parameters in executed:
                finds_by_index(connection, statement, parameters)
            connection.rollback()


def _sqlite_finds_by_index(connection: Connection, statement: str, parameters: Any) -> None:
    plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step], (statement, plan)


def _mariadb_finds_by_index(connection: Connection, statement: str, parameters: Any) -> None:
    """By what it has really read where it can be asked, by its estimate where the statement would change something."""
    if statement.startswith("INSERT"):
        return
    reading = statement.startswith("SELECT")
    plan = connection.exec_driver_sql(f"{'ANALYZE' if reading else 'EXPLAIN'} {statement}", parameters).mappings().all()
    for step in plan:
        assert step["type"] not in ("ALL", "index"), (statement, plan)
        assert "filesort" not in (step["Extra"] or ""), (statement, plan)
        assert "temporary" not in (step["Extra"] or ""), (statement, plan)
        rows = step["rows"] if step["type"] == "const" or not reading else step["r_rows"]
        assert float(rows or 0) <= 31, (statement, plan)


def test_removing_an_item_takes_as_many_statements_for_many_people_as_for_few(full: Engine) -> None:
    with full.connect() as connection:
        connection.begin()
        counts = []
        for item_id in ("id25", "id5"):  # one person's, and a hundred and one's
            with statements(connection) as executed:
                item_removal.remove_chunk(connection, Item(BOOK, item_id))
            counts.append(len(executed))
        connection.rollback()
    assert counts[0] == counts[1] <= 12
