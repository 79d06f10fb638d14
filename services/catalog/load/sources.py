"""Which of a dataset's files each given file is. Nothing is written before all of them are known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.catalog import adapters
from services.catalog.adapter import Adapter, SourceFile
from services.catalog.load import files, rows
from services.catalog.load.faults import LoadFault, WrongInput
from services.catalog.load.files import Table


@dataclass(frozen=True)
class Source:
    table: Table
    columns: list[str]


@dataclass
class Sources:
    """The tables whose rows are items, and those that are joined to them, by their published names."""

    items: list[Source] = field(default_factory=list)
    joined: dict[str, list[Source]] = field(default_factory=dict)

    def size(self) -> int:
        """Bytes of all files together; an archive of which two members are read counts twice."""
        every = [*self.items, *(source for sources in self.joined.values() for source in sources)]
        return sum(source.table.path.stat().st_size for source in every)


def recognise(adapter: Adapter, paths: Iterable[Path]) -> Sources:
    """Raises WrongInput for a file of another dataset, and where a file is missing."""
    found = Sources()
    for path in paths:
        try:
            of_path = _of_path(adapter, path)
        except LoadFault as error:
            raise WrongInput(str(error)) from error
        for file, source in of_path:
            if file == adapter.source:
                found.items.append(source)
            else:
                found.joined.setdefault(file.name, []).append(source)
    for file in _files(adapter):
        if not (found.items if file == adapter.source else found.joined.get(file.name)):
            needed = " and ".join(wanted.name for wanted in _files(adapter))
            raise WrongInput(f"{file.name} is missing: {adapter.name} is loaded from {needed}, all given at once")
    return found


def _of_path(adapter: Adapter, path: Path) -> list[tuple[SourceFile, Source]]:
    tables = files.tables(path)
    known = [(file, source) for table in tables for file, source in [_known(adapter, table)] if file is not None]
    if not known:
        raise WrongInput(f"{path}: {_what_it_is(adapter, tables)}, expected {_expected(adapter)}")
    # An archive may hold a file and extracts of it, all with the same columns.
    published = [(file, source) for file, source in known if source.table.name == file.name]
    named = {file.name for file, _ in published}
    return published + [(file, source) for file, source in known if file.name not in named]


def _known(adapter: Adapter, table: Table) -> tuple[SourceFile | None, Source]:
    for file in _files(adapter):
        with files.opened(table, file.format) as (text, _):
            columns = rows.header(text, file.format)
        if set(file.columns) <= set(columns):
            return file, Source(table, columns)
    return None, Source(table, [])


def _files(adapter: Adapter) -> list[SourceFile]:
    return [adapter.source, *(joined.file for joined in adapter.joined)]


def _expected(adapter: Adapter) -> str:
    return " or ".join(f"{file.name} with the columns {', '.join(file.columns)}" for file in _files(adapter))


def _what_it_is(adapter: Adapter, tables: Sequence[Table]) -> str:
    for other in adapters.every():
        for table in tables:
            file, _ = _known(other, table)
            if file is not None and other.name != adapter.name:
                return f"looks like {file.name} of the {other.name} dataset"
    return f"is no file of the {adapter.name} dataset"
