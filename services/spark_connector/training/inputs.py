"""Collects what a model is trained from, in the files that services/taste/README.md describes."""

import asyncio
import json
import logging
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from seen.v1.account_pb2 import LIKE, ExportedMark
from seen.v1.catalog_pb2 import CategoryCount
from seen.v1.types_pb2 import Item, ItemType
from services.catalog.adapter import Format
from services.catalog.loader import tables
from services.catalog.loader.errors import LoadError
from services.spark_connector.clients import Accounts, Catalog
from services.spark_connector.runners.job import JobFailed, Report
from services.spark_connector.storage.files import Storage, StoredFile, download
from services.spark_connector.training import ratings
from services.spark_connector.training.ratings import Rating, WrongHeader
from services.taste.ratings import kinds, likes

log = logging.getLogger(__name__)

HEADER = "person\ttype\tid\tkind\tmarked_at\n"
UNKNOWN_TIME = r"\N"
EXPORTED, RATED = 0.5, 0.75  # shares of the work, for display


@dataclass(frozen=True)
class Collected:
    """`counted_marks` is the number of marks in all accounts when the training began."""

    counted_marks: int
    ratings: Sequence[StoredFile]


class Collector:
    """`ratings` holds one file for each type with ratings; None if SEEN_RATINGS is empty."""

    def __init__(self, accounts: Accounts, catalogs: Sequence[Catalog], ratings: Storage | None) -> None:
        self._accounts = accounts
        self._catalogs = catalogs
        self._ratings = ratings

    async def ratings_files(self) -> Sequence[StoredFile]:
        if self._ratings is None:
            return []
        found = [await self._ratings.find(ratings.file_name(ItemType.Name(catalog.type))) for catalog in self._catalogs]
        return [file for file in found if file and file.size]

    async def count_marks(self) -> int:
        return await self._accounts.count_marks()

    async def collect(self, folder: Path, report: Report) -> Collected:
        """Writes the files into the folder. Raises Unavailable if a service or the storage does not answer, OSError."""
        counted, ratings_files = await self.count_marks(), await self.ratings_files()
        with (folder / "marks.tsv").open("w") as marks, (folder / "items.jsonl").open("w") as described:
            marks.write(HEADER)
            items = _Items(described)
            marked = await self._export(marks, counted, report)
            report("reading ratings", EXPORTED)
            for file in ratings_files:
                try:
                    await self._add_ratings(folder, file, marks, items)
                except (WrongHeader, LoadError) as error:
                    message = str(error).replace(f"{folder}/", "")
                    raise JobFailed(message if file.name in message else f"{file.name}: {message}") from error
            for number, catalog in enumerate(self._catalogs):
                report("reading items", RATED + (1 - RATED) * number / len(self._catalogs))
                async for batch in catalog.items(marked.get(catalog.type, set()) - items.written(catalog.type)):
                    items.write(batch)
                items.write(await catalog.most_voted())
        await self._write_counts(folder / "counts.jsonl")
        return Collected(counted, ratings_files)

    async def _export(self, marks: IO[str], counted: int, report: Report) -> dict[int, set[str]]:
        """Writes everyone's marks. Returns the ids of the marked items by type."""
        marked: dict[int, set[str]] = {}
        written = 0
        report("exporting marks", 0)
        async for page in self._accounts.export_marks():
            await asyncio.to_thread(_write_marks, marks, page, marked)
            written += len(page)
            report("exporting marks", EXPORTED * min(written / max(counted, 1), 1))
        return marked

    async def _add_ratings(self, folder: Path, file: StoredFile, marks: IO[str], items: "_Items") -> None:
        """Adds the ratings of one file as marks. Rows that are none, and unknown items, are counted in the log."""
        name = file.name.partition(".")[0]
        catalog = next(catalog for catalog in self._catalogs if ItemType.Name(catalog.type) == name)
        copy = folder / file.name
        assert self._ratings is not None
        await download(self._ratings, file, copy)
        people = await asyncio.to_thread(_People.of, copy)
        ids: dict[str, str] = {}
        async for batch in catalog.items_by_source_id(people.source_ids):
            ids |= {item.source_id: item.id for item in batch}
            items.write(batch)
        unknown = await asyncio.to_thread(people.write_marks, copy, marks, catalog.type, ids)
        copy.unlink()
        log.info(
            "ratings added",
            extra={
                "file": file.name,
                "people": len(people.ratings),
                "ratings": sum(map(len, people.ratings.values())),
                "of_unknown_items": unknown,
                "unreadable": people.unreadable,
            },
        )

    async def _write_counts(self, path: Path) -> None:
        lines = []
        for catalog in self._catalogs:
            counts = await catalog.categories()
            line = {
                "type": catalog.type,
                "items": counts.items,
                "categories": _by_name(counts.categories),
                "themes": _by_name(counts.themes),
            }
            lines.append(_json_line(line))
        await asyncio.to_thread(path.write_text, "".join(lines))


class _Items:
    """Writes each item once."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._written: dict[int, set[str]] = {}

    def written(self, item_type: int) -> set[str]:
        return self._written.setdefault(item_type, set())

    def write(self, items: Iterable[Item]) -> None:
        for item in items:
            if item.id not in self.written(item.type):
                self.written(item.type).add(item.id)
                self._file.write(_item_line(item))


@dataclass
class _People:
    """What the first reading of a ratings file finds: each person's ratings, in the order of the file."""

    ratings: dict[str, "array[float]"]
    source_ids: set[str]
    unreadable: int = 0

    @classmethod
    def of(cls, file: Path) -> "_People":
        people = cls({}, set())
        for rating in _read(file):
            if rating is None:
                people.unreadable += 1
                continue
            people.ratings.setdefault(rating.person, array("d")).append(rating.rating)
            people.source_ids.add(rating.source_id)
        return people

    def write_marks(self, file: Path, marks: IO[str], item_type: ItemType, ids: dict[str, str]) -> int:
        """Returns the number of ratings of unknown items. People are numbered anew: their names stay in the file."""
        prefix = ItemType.Name(item_type)
        people = {
            person: (f"{prefix}-{number}", iter(kinds(likes(own))))
            for number, (person, own) in enumerate(self.ratings.items())
        }
        unknown = 0
        for rating in filter(None, _read(file)):
            person, own_kinds = people[rating.person]
            kind = next(own_kinds)
            item_id = ids.get(rating.source_id)
            if item_id is None:
                unknown += 1
                continue
            time = UNKNOWN_TIME if rating.rated_at is None else f"{rating.rated_at:.0f}"
            marks.write(f"{person}\t{item_type}\t{item_id}\t{kind}\t{time}\n")
        return unknown


def _read(file: Path) -> Iterable[Rating | None]:
    """None for a row that is no rating."""
    (table,) = tables.find_tables(file)
    with tables.open_table(table, Format.CSV) as (text, _):
        for rating in ratings.read(text):
            yield rating if isinstance(rating, Rating) else None


def _write_marks(marks: IO[str], page: Sequence[ExportedMark], marked: dict[int, set[str]]) -> None:
    lines = []
    for mark in page:
        kind = "like" if mark.kind == LIKE else "seen"
        lines.append(f"account-{mark.person}\t{mark.item.type}\t{mark.item.id}\t{kind}\t{mark.marked_at.seconds}\n")
        marked.setdefault(mark.item.type, set()).add(mark.item.id)
    marks.write("".join(lines))


def _item_line(item: Item) -> str:
    return _json_line(
        {
            "type": item.type,
            "id": item.id,
            "category": list(item.category),
            "themes": list(item.themes),
            "rating": item.rating if item.HasField("rating") else None,
            "votes": item.votes if item.HasField("votes") else None,
        }
    )


def _json_line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def _by_name(counts: Iterable[CategoryCount]) -> dict[str, int]:
    return {count.name: count.items for count in counts}
