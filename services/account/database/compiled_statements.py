"""SQL statements that are compiled once.

For each execution of a statement, SQLAlchemy does work that takes longer than a short statement itself. Frequent
statements therefore bypass it and run on the driver's cursor.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Dialect, SelectBase, TextClause, UpdateBase
from sqlalchemy.exc import DBAPIError

from services.account.database.column_types import is_mysql

# Converts a value between Python and the driver.
Convert = Callable[[Any], Any]
AnyStatement = SelectBase | UpdateBase | TextClause


class CompiledStatement:
    """A statement that SQLAlchemy compiles when an engine executes it for the first time.

    It can be mixed with Connection.execute in a transaction, and raises the same errors.
    """

    def __init__(self, statement: AnyStatement, mysql: AnyStatement | None = None) -> None:
        """`mysql` is the form for MySQL and MariaDB, if it differs."""
        self._statement = statement
        self._mysql = statement if mysql is None else mysql
        self._compiled: dict[Dialect, _ForDialect] = {}

    def execute(self, connection: Connection, **values: Any) -> Sequence[Any]:
        """Returns the rows as tuples."""
        compiled = self._compile(connection.dialect)
        with _cursor(connection, compiled.sql) as cursor:
            cursor.execute(compiled.sql, compiled.parameters(values))
            return compiled.convert_rows(cursor.fetchall())

    def execute_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Executes the statement for each row of values. PyMySQL sends all rows in one INSERT."""
        if rows:
            compiled = self._compile(connection.dialect)
            with _cursor(connection, compiled.sql) as cursor:
                cursor.executemany(compiled.sql, [compiled.parameters(values) for values in rows])

    def _compile(self, dialect: Dialect) -> "_ForDialect":
        compiled = self._compiled.get(dialect)
        if compiled is None:
            statement = self._mysql if is_mysql(dialect) else self._statement
            compiled = self._compiled[dialect] = _ForDialect(statement, dialect)
        return compiled


class _ForDialect:
    """The statement's text for one dialect, and the conversions that its types need there."""

    def __init__(self, statement: AnyStatement, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self.sql: str = compiled.string
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        # PyMySQL takes parameters by name, sqlite3 by position.
        self._is_positional: bool = compiled.positional
        self._parameters: list[tuple[str, Convert | None]] = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or compiled.params
        ]
        columns = statement.selected_columns if isinstance(statement, SelectBase) else ()
        self._columns: list[Convert | None] = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
        ]

    def parameters(self, values: Mapping[str, Any]) -> list[Any] | dict[str, Any]:
        values = {**self._constants, **values}
        converted = [(name, convert(values[name]) if convert else values[name]) for name, convert in self._parameters]
        return [value for _, value in converted] if self._is_positional else dict(converted)

    def convert_rows(self, rows: Sequence[Any]) -> Sequence[Any]:
        if not any(self._columns):
            return rows
        return [
            tuple(convert(value) if convert else value for convert, value in zip(self._columns, row, strict=True))
            for row in rows
        ]


@contextmanager
def _cursor(connection: Connection, sql: str) -> Iterator[Any]:
    cursor, driver = connection.connection.cursor(), connection.dialect.loaded_dbapi
    try:
        yield cursor
    except driver.Error as error:
        raise DBAPIError.instance(sql, None, error, driver.Error, hide_parameters=True) from error
    finally:
        cursor.close()
