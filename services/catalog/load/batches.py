"""From tables to batches of items, counting on the way what is skipped."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from services.catalog import limits
from services.catalog.adapter import Adapter, Format, Row
from services.catalog.item import Item, Skipped
from services.catalog.load import files, rows
from services.catalog.load.joined import NumberColumn
from services.catalog.load.once import Once
from services.catalog.load.progress import Progress
from services.catalog.load.report import Joined, Report
from services.catalog.load.sources import Source, Sources
from services.common.errors import InvalidArgument

ADULT = Skipped("adult title")
TWICE = Skipped("its id came before in the same load")
_TELL_EVERY = 1000


@dataclass
class Batches:
    """Iterating reads: the joined files first and whole, then the items, of which no more than a batch is held."""

    adapter: Adapter
    sources: Sources
    include_adult: bool
    batch_size: int
    report: Report
    progress: Progress

    def __post_init__(self) -> None:
        self._bytes_before = 0

    def __iter__(self) -> Iterator[list[Item]]:
        columns = self._columns()
        items = self._items(columns)
        while batch := list(itertools.islice(items, self.batch_size)):
            yield batch
            self._count_joined(columns)

    def _columns(self) -> dict[str, NumberColumn]:
        columns = {}
        for joined in self.adapter.joined:
            column = columns[joined.column] = NumberColumn(joined)
            for source in self.sources.joined[joined.file.name]:
                column.fill(self._rows(source, joined.file.format))
        self._count_joined(columns)
        return columns

    def _count_joined(self, columns: dict[str, NumberColumn]) -> None:
        for joined in self.adapter.joined:
            column = columns[joined.column]
            self.report.joined[joined.file.name] = Joined(column.rows, column.used, column.skipped)

    def _items(self, columns: dict[str, NumberColumn]) -> Iterator[Item]:
        once = Once()
        for source in self.sources.items:
            for row in self._rows(source, self.adapter.source.format):
                self.report.rows += 1
                item = self._item(row, columns, once)
                if isinstance(item, Skipped):
                    self.report.skipped[item.reason] += 1
                else:
                    yield item

    def _item(self, row: Row | Skipped, columns: dict[str, NumberColumn], once: Once) -> Item | Skipped:
        if isinstance(row, Skipped):
            return row
        wide = dict(row)
        for joined in self.adapter.joined:
            wide[joined.column] = columns[joined.column].of(row[joined.key])
        item = self.adapter.item(wide)
        if isinstance(item, Skipped):
            return item
        if item.adult and not self.include_adult:
            return ADULT
        try:
            item = limits.checked(item)
        except InvalidArgument as error:
            return Skipped(f"its {error.field} cannot be kept")
        return item if item.source_id and once.is_new(item.source_id) else TWICE

    def _rows(self, source: Source, form: Format) -> Iterator[Row | Skipped]:
        with files.opened(source.table, form) as (text, position):
            rows.header(text, form)
            for number, row in enumerate(rows.rows(text, form, source.columns)):
                if number % _TELL_EVERY == 0:
                    self.progress.at(self._bytes_before + position(), self.report.rows)
                yield row
        self._bytes_before += source.table.path.stat().st_size
        self.progress.at(self._bytes_before, self.report.rows)
