"""DuckDB as an engine: one machine, no Java."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import duckdb

from spark_jobs.engine import LineCounts, write_file
from spark_jobs.views import ALL_VIEWS, InputError, View, views_in

# Quotes and escapes have no meaning. A missing cell of a short line is NULL; an empty cell is not, due to `nullstr`.
_TSV = (
    "auto_detect=false, header=false, delim='\t', quote='', escape='', nullstr='\x01', "
    "null_padding=true, strict_mode=false, store_rejects=true"
)


class DuckDBEngine:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._paths: Mapping[str, str] = {}
        self._read: set[str] = set()

    @classmethod
    @contextmanager
    def start(cls, memory: str | None = None, threads: int | None = None) -> Iterator[Self]:
        """`memory`, such as "4GB": for tables and joins before they spill to disk. Default: 80 % of the machine's."""
        limits = {"memory_limit": memory, "threads": threads}
        config = {name: limit for name, limit in limits.items() if limit} | {"preserve_insertion_order": False}
        with (
            tempfile.TemporaryDirectory(prefix="seen-duckdb-") as scratch,
            duckdb.connect(":memory:", config={"temp_directory": scratch, **config}) as connection,
        ):
            connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
            connection.execute("CREATE MACRO explode(list) AS unnest(list)")  # the function's name in Spark
            yield cls(connection)

    @property
    def version(self) -> str:
        return f"DuckDB {duckdb.__version__}"

    @property
    def progress(self) -> float:
        return max(self._connection.query_progress(), 0.0) / 100  # -1: unknown

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def write(self, path: str, text: str) -> None:
        write_file(path, text)

    def create_views(self, paths: Mapping[str, str]) -> None:
        self._paths = paths
        for name, path in paths.items():
            self._connection.execute(f"CREATE VIEW {name} AS {_select(ALL_VIEWS[name], path)}")

    def create_table(self, name: str, sql: str) -> int:
        self._read |= views_in(sql, self._paths)
        self._connection.execute(f"CREATE TABLE new_table AS {sql}")
        if name in self._paths:
            self._connection.execute(f"DROP VIEW {name}")
        self._connection.execute(f"ALTER TABLE new_table RENAME TO {name}")
        ((rows,),) = self.rows(f"SELECT count(*) FROM {name}")
        return int(rows)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        self._read |= views_in(sql, self._paths)
        return self._connection.execute(sql).fetchall()

    def write_parquet(self, uri: str, sql: str) -> None:
        self._read |= views_in(sql, self._paths)
        shutil.rmtree(uri, ignore_errors=True)
        os.makedirs(uri)
        self._connection.execute(f"COPY ({sql}) TO {_literal(f'{uri}/part-0.parquet')} (FORMAT parquet)")

    def line_counts(self) -> Mapping[str, LineCounts]:
        return {name: self._count_lines(name) for name in self._paths if name in self._read}

    def _count_lines(self, name: str) -> LineCounts:
        """Reads the file a second time, unless a table has replaced the view."""
        ((lines, readable),) = self.rows(
            f"SELECT count(*), count(*) FILTER (WHERE {ALL_VIEWS[name].readable}) FROM {name}"
        )
        rejected = self._count_rejected(self._paths[name])
        return LineCounts(self._paths[name], lines + rejected, lines + rejected - readable)

    def _count_rejected(self, path: str) -> int:
        """Lines that are not UTF-8. DuckDB drops them and records each one every time it reads the file."""
        if path.endswith(".parquet"):
            return 0
        rejected = "SELECT count(DISTINCT line) FROM reject_errors JOIN reject_scans USING (scan_id, file_id)"
        ((lines,),) = self._connection.execute(f"{rejected} WHERE file_path = ?", [path]).fetchall()
        return int(lines)


def _select(view: View, path: str) -> str:
    if path.endswith(".parquet"):
        source = f"{path}/**/*.parquet" if os.path.isdir(path) else path
        columns = ", ".join(f"CAST({column} AS VARCHAR) AS {column}" for column in view.needed)
        lines = f"SELECT {columns} FROM read_parquet({_literal(source)})"
    else:
        lines = _select_from_text(view, path)
    return f"SELECT {', '.join(view.select_list)} FROM ({lines}) AS lines"


def _select_from_text(view: View, path: str) -> str:
    """The needed columns. The first is NULL if the line ends before the last of them is complete."""
    types = ", ".join(f"'{column}': 'VARCHAR'" for column in view.columns)
    key, *others = view.needed
    following = view.columns[len(view.leading) :]
    complete = f"{following[0]} IS NOT NULL" if following else "true"
    return (
        f"SELECT CASE WHEN {complete} THEN {key} END AS {key}, {', '.join(others)} "
        f"FROM read_csv({_literal(path)}, {_TSV}, columns={{{types}}}) WHERE {key} <> '{key}'"
    )


def _literal(text: str) -> str:
    if "\0" in text:
        raise InputError("a path must not contain a null character")
    return "'" + text.replace("'", "''") + "'"
