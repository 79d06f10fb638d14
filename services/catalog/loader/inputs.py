"""Identifies each given file as one of the dataset's published files, before anything is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.catalog import datasets
from services.catalog.adapter import Adapter, SourceFile
from services.catalog.loader import files, rows
from services.catalog.loader.errors import InvalidInput, LoadError
from services.catalog.loader.files import Table


@dataclass(frozen=True)
class Input:
    """A table with the columns of a published file, and perhaps others."""

    file: SourceFile
    table: Table
    columns: list[str]


# By published name.
Inputs = dict[str, list[Input]]


def published_files(adapter: Adapter) -> list[SourceFile]:
    return [adapter.source, *(joined.file for joined in adapter.joined)]


def identify(adapter: Adapter, paths: Iterable[Path]) -> Inputs:
    """Raises InvalidInput if a file is not one of the dataset's, or if one of those is missing."""
    inputs: Inputs = {file.name: [] for file in published_files(adapter)}
    for path in paths:
        try:
            for source in _identify(adapter, path):
                inputs[source.file.name].append(source)
        except LoadError as error:
            raise InvalidInput(str(error)) from error
    for name, sources in inputs.items():
        if not sources:
            raise InvalidInput(f"{name} is missing: loading {adapter.name} needs {' and '.join(inputs)} in one command")
    return inputs


def total_bytes(inputs: Inputs) -> int:
    """An archive counts once for each member that is read."""
    return sum(source.table.path.stat().st_size for sources in inputs.values() for source in sources)


def _identify(adapter: Adapter, path: Path) -> list[Input]:
    tables = files.tables(path)
    matches = [match for table in tables if (match := _match(adapter, table))]
    if not matches:
        expected = " or ".join(
            f"{file.name} with the columns {', '.join(file.columns)}" for file in published_files(adapter)
        )
        raise InvalidInput(f"{path}: {_description(adapter, tables)}; expected {expected}")
    # An archive may contain a published file and, with the same columns, extracts from it: those have other names.
    complete = {match.file.name for match in matches if match.table.name == match.file.name}
    return [match for match in matches if match.table.name == match.file.name or match.file.name not in complete]


def _match(adapter: Adapter, table: Table) -> Input | None:
    for file in published_files(adapter):
        with files.opened(table, file.format) as (text, _):
            columns = rows.header(text, file.format)
        if set(file.columns) <= set(columns):
            return Input(file, table, columns)
    return None


def _description(adapter: Adapter, tables: Sequence[Table]) -> str:
    for other in datasets.adapters():
        for table in tables:
            match = _match(other, table)
            if match and other.name != adapter.name:
                return f"looks like {match.file.name} of the {other.name} dataset"
    return f"not a file of the {adapter.name} dataset"
