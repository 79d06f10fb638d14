"""Reads the files into batches of items, and counts the rows that are skipped."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from services.catalog.adapter import Adapter, JoinedFile, Row
from services.catalog.item import Item, Skipped, checked
from services.catalog.loader import files, rows
from services.catalog.loader.inputs import Input, Inputs
from services.catalog.loader.packed import IdSet, JoinedNumbers
from services.catalog.loader.report import Progress, Report
from services.common.errors import InvalidArgument

ADULT = Skipped("adult title")
DUPLICATE = Skipped("same id as an earlier row")
_PROGRESS_EVERY_ROWS = 1000


@dataclass
class Reader:
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
        files = {}
        for joined in self.adapter.joined:
            numbers = files[joined] = self.report.joined[joined.file.name] = JoinedNumbers(joined)
            for source in self.inputs[joined.file.name]:
                numbers.fill(self._rows(source))
        return files

    def _items(self, joined: dict[JoinedFile, JoinedNumbers]) -> Iterator[Item]:
        ids = IdSet()
        for source in self.inputs[self.adapter.source.name]:
            for row in self._rows(source):
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

    def _rows(self, source: Input) -> Iterator[Row | Skipped]:
        with files.opened(source.table, source.file.format) as (text, bytes_read):
            rows.header(text, source.file.format)
            for number, row in enumerate(rows.rows(text, source.file.format, source.columns)):
                if number % _PROGRESS_EVERY_ROWS == 0:
                    self.progress(self._finished_bytes + bytes_read(), self.report.rows)
                yield row
        self._finished_bytes += source.table.path.stat().st_size
        self.progress(self._finished_bytes, self.report.rows)
