"""Identifies each given file as one of the dataset's published files, before anything is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.catalog import datasets
from services.catalog.adapter import Adapter, SourceFile
from services.catalog.loader import files, rows
from services.catalog.loader.errors import InvalidInput, LoadError
from services.catalog.loader.files import Table


@dataclass(frozen=True)
class Input:
    table: Table
    columns: list[str]


@dataclass
class Inputs:
    """The tables with items, and the tables joined to them, by published name."""

    items: list[Input] = field(default_factory=list)
    joined: dict[str, list[Input]] = field(default_factory=dict)

    def size(self) -> int:
        """Bytes of all files. An archive counts once for each member that is read."""
        all_inputs = [*self.items, *(one for joined in self.joined.values() for one in joined)]
        return sum(one.table.path.stat().st_size for one in all_inputs)


def identify(adapter: Adapter, paths: Iterable[Path]) -> Inputs:
    """Raises InvalidInput if a file is not one of the dataset's, or if one of those is missing."""
    inputs = Inputs()
    for path in paths:
        try:
            identified = _identify(adapter, path)
        except LoadError as error:
            raise InvalidInput(str(error)) from error
        for file, one in identified:
            if file == adapter.source:
                inputs.items.append(one)
            else:
                inputs.joined.setdefault(file.name, []).append(one)
    required = published_files(adapter)
    for file in required:
        if not (inputs.items if file == adapter.source else inputs.joined.get(file.name)):
            names = " and ".join(one.name for one in required)
            raise InvalidInput(f"{file.name} is missing: loading {adapter.name} needs {names} in one command")
    return inputs


def published_files(adapter: Adapter) -> list[SourceFile]:
    return [adapter.source, *(joined.file for joined in adapter.joined)]


def _identify(adapter: Adapter, path: Path) -> list[tuple[SourceFile, Input]]:
    tables = files.tables(path)
    identified = [(file, one) for table in tables for file, one in [_match(adapter, table)] if file is not None]
    if not identified:
        expected = " or ".join(
            f"{file.name} with the columns {', '.join(file.columns)}" for file in published_files(adapter)
        )
        raise InvalidInput(f"{path}: {_description(adapter, tables)}; expected {expected}")
    # An archive may contain a published file and, with the same columns, extracts from it.
    by_name = [(file, one) for file, one in identified if one.table.name == file.name]
    names = {file.name for file, _ in by_name}
    return by_name + [(file, one) for file, one in identified if file.name not in names]


def _match(adapter: Adapter, table: Table) -> tuple[SourceFile | None, Input]:
    for file in published_files(adapter):
        with files.opened(table, file.format) as (text, _):
            columns = rows.header(text, file.format)
        if set(file.columns) <= set(columns):
            return file, Input(table, columns)
    return None, Input(table, [])


def _description(adapter: Adapter, tables: Sequence[Table]) -> str:
    for other in datasets.adapters():
        for table in tables:
            file, _ = _match(other, table)
            if file is not None and other.name != adapter.name:
                return f"looks like {file.name} of the {other.name} dataset"
    return f"not a file of the {adapter.name} dataset"
