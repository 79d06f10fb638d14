"""Column types that behave the same on SQLite and on MySQL. Models and migrations both use them."""

import datetime
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine

# SQLite generates ids only for a column whose type is exactly INTEGER.
RowId = BigInteger().with_variant(Integer(), "sqlite")


def is_mysql(dialect: Dialect) -> bool:
    return dialect.name in ("mysql", "mariadb")


class ExactText(TypeDecorator[str]):
    """Text compared and ordered by code point.

    On MySQL it is stored as UTF-8 bytes, because all collations that MySQL and MariaDB share ignore trailing spaces.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self._length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        # UTF-8 needs at most four bytes per character.
        return dialect.type_descriptor(mysql.VARBINARY(4 * self._length) if is_mysql(dialect) else String(self._length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        return value.encode() if value is not None and is_mysql(dialect) else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return value.decode() if isinstance(value, bytes) else value


class UtcDateTime(TypeDecorator[datetime.datetime]):
    """A time with microseconds, stored in UTC because neither database stores a time zone."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if is_mysql(dialect) else DateTime())

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:
        return value and value.astimezone(datetime.UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:
        return value and value.replace(tzinfo=datetime.UTC)


class Values(TypeDecorator[Sequence[int | str]]):
    """Any number of values in one parameter: `IN :values` on MySQL, whose driver expands the list, and
    `IN (SELECT value FROM json_each(:values))` on SQLite. Text is compared like ExactText."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Sequence[int | str] | None, dialect: Dialect) -> Any:
        values = list(value or ())
        if not is_mysql(dialect):
            return json.dumps(values)
        return [entry.encode() if isinstance(entry, str) else entry for entry in values]
