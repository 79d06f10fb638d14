import datetime
from collections.abc import Iterator

import pytest
import sqlalchemy
from sqlalchemy import Connection, bindparam
from sqlalchemy.exc import IntegrityError

from services.account.database.compiled_statements import CompiledStatement
from services.account.database.models import Base, MarkRow

INSERT = CompiledStatement(sqlalchemy.insert(MarkRow))
SELECT = CompiledStatement(
    sqlalchemy.select(MarkRow.user_id, MarkRow.marked_at, MarkRow.category).where(MarkRow.kind == bindparam("kind"))
)
NOON = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)
KEY = {"user_id": 1, "item_type": 1, "item_id": "dune", "kind": 2}
MARK = KEY | {"marked_at": NOON, "category": ["Art"], "themes": None}


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = sqlalchemy.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_values_are_converted_as_by_sqlalchemy(connection: Connection) -> None:
    INSERT.execute(connection, **MARK)
    INSERT.execute_many(connection, [MARK | {"user_id": 2}, MARK | {"user_id": 3, "kind": 1}])
    rows = [(1, NOON, ["Art"]), (2, NOON, ["Art"])]
    assert SELECT.execute(connection, kind=2) == rows
    columns = (MarkRow.user_id, MarkRow.marked_at, MarkRow.category)
    assert connection.execute(sqlalchemy.select(*columns).where(MarkRow.kind == 2)).all() == rows


def test_a_failure_raises_sqlalchemys_error_without_the_parameters(connection: Connection) -> None:
    INSERT.execute(connection, **MARK)
    with pytest.raises(IntegrityError) as caught:
        INSERT.execute(connection, **MARK)
    assert "dune" not in str(caught.value)


def test_a_missing_parameter_is_an_error(connection: Connection) -> None:
    with pytest.raises(KeyError, match="kind"):
        SELECT.execute(connection)
