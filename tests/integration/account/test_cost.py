"""Frequent statements use an index, so their cost does not grow with the number of marks. EXPLAIN shows it."""

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import Connection, Engine

from seen.v1.account_pb2 import LIKE
from seen.v1.types_pb2 import BOOK
from services.account.database import mark_queries, marks, users
from services.account.database.models import Base, LikesRow, MarkRow, PointsRow, UserRow
from services.account.domain import ExportKey, ItemRef, Mark, MarkKind
from tests.integration.account import mariadb
from tests.integration.account.calls import Account, book, mark, user
from tests.integration.account.conftest import IN_SHARED_LOOP, ON_MARIADB, ON_SQLITE, insert_rows

MANY = 3000
NOW = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
LAST_OF_PAGE = Mark(ItemRef(BOOK, "id500"), NOW + datetime.timedelta(seconds=500))
NEW = Mark(ItemRef(BOOK, "new"), NOW)
# The 1500th of a user's 3000 marks, in the order of the export.
IN_THE_MIDDLE = ExportKey(1, BOOK, "id2350", MarkKind.LIKE)

BOOKS = [ItemRef(BOOK, f"id{n}") for n in range(30)]
ITEMS_OF_ALL_TYPES = [ItemRef(n % 3, f"id{n}") for n in range(30)]

FREQUENT: list[Callable[[Connection], Any]] = [
    lambda connection: marks.add(connection, "s1", NEW, MarkKind.LIKE, ["c1", "new"], ["c1", "new"]),
    lambda connection: marks.remove(connection, "s1", ItemRef(BOOK, "id7"), MarkKind.LIKE),
    lambda connection: users.get(connection, "s1"),
    lambda connection: users.search(connection, "name1"),
    lambda connection: mark_queries.newest_marks(connection, "s1", MarkKind.LIKE, None, 20),
    lambda connection: mark_queries.newest_marks(connection, "s1", MarkKind.LIKE, LAST_OF_PAGE, 20),
    lambda connection: mark_queries.recent_marks(connection, "s1", 20),
    lambda connection: mark_queries.export(connection, None, 20),
    lambda connection: mark_queries.export(connection, IN_THE_MIDDLE, 20),
    lambda connection: mark_queries.marks_on(connection, "s1", BOOKS),
    lambda connection: mark_queries.marks_on(connection, "s1", ITEMS_OF_ALL_TYPES),
    lambda connection: mark_queries.top_categories(connection, "s1", 3),
    lambda connection: mark_queries.top_items(connection, BOOK, 10),
]


@pytest.fixture
def filled(database: Engine) -> Engine:
    """One user with many marks, others with few, and many categories."""
    first_users_marks = [
        {
            "user_id": 1,
            "item_type": BOOK,
            "item_id": f"id{n}",
            "kind": MarkKind.LIKE,
            "category": ["c1"],
            "themes": ["c1"],
        }
        | {"marked_at": NOW + datetime.timedelta(seconds=n)}
        for n in range(MANY)
    ]
    rows: dict[type[Base], list[dict[str, Any]]] = {
        UserRow: [
            {"id": n, "subject": f"s{n}", "username": f"name{n}", "username_key": f"name{n}", "created_at": NOW}
            for n in range(1, MANY + 1)
        ],
        MarkRow: first_users_marks + [mark | {"user_id": n} for n in range(2, 102) for mark in first_users_marks[:20]],
        LikesRow: [{"item_type": BOOK, "item_id": f"id{n}", "likes": 1} for n in range(MANY)],
        PointsRow: [{"user_id": n, "category": f"c{c}", "points": c} for n in range(1, 21) for c in range(MANY // 20)],
    }
    insert_rows(database, rows)
    with database.begin() as connection:
        names = ", ".join(Base.metadata.tables)
        connection.exec_driver_sql("ANALYZE" if database.dialect.name == "sqlite" else f"ANALYZE TABLE {names}")
    return database


@contextmanager
def statements(connection: Connection) -> Iterator[list[str]]:
    """The statements that the driver executes inside, with their parameters in the text."""
    executed: list[str] = []
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        driver.set_trace_callback(executed.append)
        yield executed
        driver.set_trace_callback(None)
    else:
        with mock.patch.object(driver, "query", wraps=driver.query) as query:
            yield executed
        executed += [text if isinstance(text, str) else text.decode() for [text, *_], _ in query.call_args_list]


def test_no_statement_reads_more_rows_than_it_returns(filled: Engine) -> None:
    assert_uses_index = _assert_sqlite_uses_index if filled.dialect.name == "sqlite" else _assert_mariadb_uses_index
    for function in FREQUENT:
        with filled.connect() as connection:
            connection.begin()
            with statements(connection) as executed:
                function(connection)
            assert executed
            for statement in executed:
                assert_uses_index(connection, statement)
            connection.rollback()


@ON_SQLITE
def test_sqlite_looks_up_one_key_per_item_to_filter(filled: Engine) -> None:
    with filled.connect() as connection:
        with statements(connection) as executed:
            mark_queries.marks_on(connection, "s1", ITEMS_OF_ALL_TYPES)
        [statement] = executed
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
    assert plan[:2] == [
        "SEARCH users USING COVERING INDEX users_subject (subject=?)",
        "SCAN item VIRTUAL TABLE INDEX 1:",
    ]
    [look_up] = plan[2:]
    assert look_up.startswith("SEARCH marks USING")
    assert all(f"{column}=?" in look_up for column in ("user_id", "item_type", "item_id"))


@ON_MARIADB
@IN_SHARED_LOOP
async def test_a_mark_takes_at_most_five_statements_and_a_commit(
    account: Account, mariadb_server: mariadb.MariaDb
) -> None:
    await mark(account, "ana", book("dune"), LIKE, ["Art", "Drama"])
    with general_log(mariadb_server) as log:
        await mark(account, "ana", book("emma"), LIKE, ["Art", "Drama", "Music"])
    sent = same_connection(log, "INSERT INTO marks")
    assert sent[5:] == ["COMMIT"], sent


@ON_MARIADB
@IN_SHARED_LOOP
async def test_nothing_follows_the_statement_of_a_read(account: Account, mariadb_server: mariadb.MariaDb) -> None:
    await mark(account, "ana", book("dune"))
    with general_log(mariadb_server) as log:
        await user(account, "ana")
    assert same_connection(log, "SELECT users.username")[-1].startswith("SELECT users.username")


@contextmanager
def general_log(server: mariadb.MariaDb) -> Iterator[list[tuple[int, str]]]:
    """The statements that the server executes inside, with the number of their connection."""
    log: list[tuple[int, str]] = []
    server.execute("SET GLOBAL log_output = 'TABLE'")
    server.execute("TRUNCATE mysql.general_log")
    server.execute("SET GLOBAL general_log = ON")
    yield log
    server.execute("SET GLOBAL general_log = OFF")
    log += server.execute(
        "SELECT thread_id, CONVERT(argument USING utf8mb4) FROM mysql.general_log"
        " WHERE command_type = 'Query' ORDER BY event_time"
    )


def same_connection(log: list[tuple[int, str]], beginning: str) -> list[str]:
    """All statements of the connection that has executed the one with this beginning."""
    [connection] = [number for number, statement in log if statement.startswith(beginning)]
    return [statement for number, statement in log if number == connection]


def _assert_sqlite_uses_index(connection: Connection, statement: str) -> None:
    plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
    plan = [step for step in plan if step != "SCAN item VIRTUAL TABLE INDEX 1:"]  # the JSON array of items to filter
    assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step], (statement, plan)


def _assert_mariadb_uses_index(connection: Connection, statement: str) -> None:
    """By the rows really read (ANALYZE) for a SELECT, by the estimate (EXPLAIN) for a statement that changes rows."""
    if statement.startswith("INSERT"):
        return
    is_select = statement.startswith("SELECT")
    plan = connection.exec_driver_sql(f"{'ANALYZE' if is_select else 'EXPLAIN'} {statement}").mappings().all()
    for step in plan:
        assert step["type"] not in ("ALL", "index"), (statement, plan)
        assert "filesort" not in (step["Extra"] or ""), (statement, plan)
        assert "temporary" not in (step["Extra"] or ""), (statement, plan)
        rows = step["rows"] if step["type"] == "const" or not is_select else step["r_rows"]
        assert float(rows or 0) <= 31, (statement, plan)


def test_removing_an_item_takes_the_same_number_of_statements_for_many_users_and_few(filled: Engine) -> None:
    with filled.connect() as connection:
        connection.begin()
        counts = []
        for item_id in ("id25", "id5"):  # marked by one user, and by 101
            with statements(connection) as executed:
                marks.remove_from_item(connection, ItemRef(BOOK, item_id))
            counts.append(len(executed))
        connection.rollback()
    assert counts[0] == counts[1] <= 12
