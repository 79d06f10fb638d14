"""Identifies the given files as published files of the dataset, then reads them into batches of items."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.catalog import datasets
from services.catalog.adapter import Adapter, JoinedFile, Row, SourceFile, published_files
from services.catalog.item import Item, Skipped, checked
from services.catalog.loader import tables
from services.catalog.loader.errors import InvalidInput, LoadError
from services.catalog.loader.lookups import IdSet, JoinedNumbers
from services.catalog.loader.report import Progress, Report
from services.catalog.loader.tables import Table
from services.common.errors import InvalidArgument

ADULT = Skipped("adult title")
DUPLICATE = Skipped("same id as an earlier row")
_PROGRESS_EVERY_ROWS = 1000


@dataclass(frozen=True)
class InputTable:
    """A given table with the columns of a published file, and perhaps others."""

    file: SourceFile
    table: Table
    columns: list[str]


# By the name of the published file.
Inputs = dict[str, list[InputTable]]


def identify(adapter: Adapter, paths: Iterable[Path]) -> Inputs:
    """Raises InvalidInput if a given file is not a published file of the dataset, or if a published file is missing."""
    inputs: Inputs = {file.name: [] for file in published_files(adapter)}
    for path in paths:
        try:
            for input_table in _identify(adapter, path):
                inputs[input_table.file.name].append(input_table)
        except LoadError as error:
            raise InvalidInput(str(error)) from error
    for name, input_tables in inputs.items():
        if not input_tables:
            raise InvalidInput(f"{name} is missing: loading {adapter.name} needs {' and '.join(inputs)} in one command")
    return inputs


def total_bytes(inputs: Inputs) -> int:
    """An archive counts once for each member that is read."""
    return sum(
        input_table.table.path.stat().st_size for input_tables in inputs.values() for input_table in input_tables
    )


def _identify(adapter: Adapter, path: Path) -> list[InputTable]:
    candidates = tables.find_tables(path)
    matches = [match for table in candidates if (match := _match(adapter, table))]
    if not matches:
        expected = " or ".join(
            f"{file.name} with the columns {', '.join(file.columns)}" for file in published_files(adapter)
        )
        raise InvalidInput(f"{path}: {_description(adapter, candidates)}; expected {expected}")
    # An archive may contain a published file and, with the same columns, extracts from it: those have other names.
    complete = {match.file.name for match in matches if match.table.name == match.file.name}
    return [match for match in matches if match.table.name == match.file.name or match.file.name not in complete]


def _match(adapter: Adapter, table: Table) -> InputTable | None:
    for file in published_files(adapter):
        with tables.open_table(table, file.format) as (text, _):
            columns = tables.read_header(text, file.format)
        if set(file.columns) <= set(columns):
            return InputTable(file, table, columns)
    return None


def _description(adapter: Adapter, candidates: Sequence[Table]) -> str:
    for other in datasets.adapters():
        for table in candidates:
            match = _match(other, table)
            if match and other.name != adapter.name:
                return f"looks like {match.file.name} of the {other.name} dataset"
    return f"not a file of the {adapter.name} dataset"


@dataclass
class Reader:
    """Counts the rows, and those that are skipped, in the report."""

    adapter: Adapter
    inputs: Inputs
    include_adult: bool
    report: Report
    progress: Progress
    _finished_bytes: int = 0

    def batches(self, size: int) -> Iterator[list[Item]]:
        """Reads all joined files first, into memory; then one batch of items at a time."""
        items = self._items(self._joined_numbers())
        while batch := list(itertools.islice(items, size)):
            yield batch

    def _joined_numbers(self) -> dict[JoinedFile, JoinedNumbers]:
        numbers_by_file = {}
        for joined in self.adapter.joined:
            numbers = numbers_by_file[joined] = self.report.joined[joined.file.name] = JoinedNumbers(joined)
            for input_table in self.inputs[joined.file.name]:
                numbers.fill(self._rows(input_table))
        return numbers_by_file

    def _items(self, joined: dict[JoinedFile, JoinedNumbers]) -> Iterator[Item]:
        ids = IdSet()
        for input_table in self.inputs[self.adapter.source.name]:
            for row in self._rows(input_table):
                self.report.rows += 1
                item = self._item(row, joined, ids)
                if isinstance(item, Skipped):
                    self.report.skipped[item.reason] += 1
                else:
                    yield item

    def _item(self, row: Row | Skipped, joined: dict[JoinedFile, JoinedNumbers], ids: IdSet) -> Item | Skipped:
        if isinstance(row, Skipped):
            return row
        cells = dict(row)
        for file, numbers in joined.items():
            cells.update(zip((column.name for column in file.columns), numbers.get(row[file.key]), strict=True))
        item = self.adapter.item(cells)
        if isinstance(item, Skipped):
            return item
        if item.adult and not self.include_adult:
            return ADULT
        try:
            item = checked(item)
        except InvalidArgument as error:
            return Skipped(f"invalid {error.field}")
        return item if item.source_id and ids.add(item.source_id) else DUPLICATE

    def _rows(self, input_table: InputTable) -> Iterator[Row | Skipped]:
        form = input_table.file.format
        with tables.open_table(input_table.table, form) as (text, bytes_read):
            tables.read_header(text, form)
            for number, row in enumerate(tables.read_rows(text, form, input_table.columns)):
                if number % _PROGRESS_EVERY_ROWS == 0:
                    self.progress(self._finished_bytes + bytes_read(), self.report.rows)
                yield row
        self._finished_bytes += input_table.table.path.stat().st_size
        self.progress(self._finished_bytes, self.report.rows)
