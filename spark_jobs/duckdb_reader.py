"""The five views in DuckDB, for one machine without Java."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import duckdb

from spark_jobs.engine import Lines
from spark_jobs.views import VIEWS, InputError, View

# Nothing is quoted or escaped. Only what a short line lacks is NULL: no cell is a lone control character.
_TEXT = (
    "auto_detect=false, header=false, delim='\t', quote='', escape='', nullstr='\x01', "
    "null_padding=true, strict_mode=false, store_rejects=true"
)


class DuckDBEngine:
    def __init__(self, connection: duckdb.DuckDBPyConnection, paths: Mapping[str, str]) -> None:
        self._connection = connection
        self._paths = paths
        self._read: set[str] = set()
        connection.execute("CREATE MACRO explode(list) AS unnest(list)")  # Spark's name for it
        for name, path in paths.items():
            connection.execute(f"CREATE VIEW {name} AS {_select(VIEWS[name], path)}")

    @classmethod
    @contextmanager
    def open(cls, paths: Mapping[str, str], memory: str | None = None, threads: int | None = None) -> Iterator[Self]:
        """`memory`: "4GB", what tables and joins may take before they spill; default 80 % of the machine's."""
        with (
            tempfile.TemporaryDirectory(prefix="seen-duckdb-") as scratch,
            duckdb.connect(":memory:", config={"temp_directory": scratch}) as connection,
        ):
            connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
            connection.execute("SET preserve_insertion_order = false")
            if memory:
                connection.execute("SET memory_limit = ?", [memory])
            if threads:
                connection.execute("SET threads = ?", [threads])
            yield cls(connection, paths)

    @property
    def version(self) -> str:
        return f"DuckDB {duckdb.__version__}"

    @property
    def share(self) -> float:
        return max(self._connection.query_progress(), 0.0) / 100  # -1: not known yet

    def keep(self, table: str, sql: str) -> int:
        self._notice(sql)
        self._connection.execute(f"CREATE TABLE kept AS {sql}")
        if table in self._paths:
            self._connection.execute(f"DROP VIEW {table}")
        self._connection.execute(f"ALTER TABLE kept RENAME TO {table}")
        ((rows,),) = self.rows(f"SELECT count(*) FROM {table}")
        return int(rows)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        self._notice(sql)
        return self._connection.execute(sql).fetchall()

    def lines(self) -> Mapping[str, Lines]:
        return {name: self._lines(name) for name in self._paths if name in self._read}

    def _notice(self, sql: str) -> None:
        self._read |= {name for name in self._paths if re.search(rf"\b{name}\b", sql)}

    def _lines(self, name: str) -> Lines:
        """DuckDB reads a file again to count its lines, but for what was kept whole: that takes it next to nothing."""
        ((lines, readable),) = self.rows(f"SELECT count(*), count(*) FILTER (WHERE {VIEWS[name].readable}) FROM {name}")
        broken = self._broken(self._paths[name])
        return Lines(self._paths[name], lines + broken, lines + broken - readable)

    def _broken(self, path: str) -> int:
        """Lines that are not UTF-8, which DuckDB leaves out, but notes, once for each time that it meets them."""
        if path.endswith(".parquet"):
            return 0
        found = "SELECT count(DISTINCT line) FROM reject_errors JOIN reject_scans USING (scan_id, file_id)"
        ((broken,),) = self._connection.execute(f"{found} WHERE file_path = ?", [path]).fetchall()
        return int(broken)


def exists(path: str) -> bool:
    return os.path.exists(path)


def _select(view: View, path: str) -> str:
    if path.endswith(".parquet"):
        source = f"{path}/**/*.parquet" if os.path.isdir(path) else path
        columns = ", ".join(f"CAST({column} AS VARCHAR) AS {column}" for column in view.needs)
        lines = f"SELECT {columns} FROM read_parquet({_literal(source)})"
    else:
        lines = _text(view, path)
    return f"SELECT {view.sql_columns} FROM ({lines}) AS lines"


def _text(view: View, path: str) -> str:
    """The columns the view needs, as text. The first is NULL where the line ends before the last of them is whole."""
    types = ", ".join(f"'{column}': 'VARCHAR'" for column in view.columns)
    key, *others = view.needs
    after = view.columns.index(view.needs[-1]) + 1
    whole = f"{view.columns[after]} IS NOT NULL" if after < len(view.columns) else "true"
    return (
        f"SELECT CASE WHEN {whole} THEN {key} END AS {key}, {', '.join(others)} "
        f"FROM read_csv({_literal(path)}, {_TEXT}, columns={{{types}}}) WHERE {key} <> '{key}'"
    )


def _literal(text: str) -> str:
    if "\0" in text:
        raise InputError("a path must not hold a zero character")
    return "'" + text.replace("'", "''") + "'"
