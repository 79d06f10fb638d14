"""Collects the inputs of a training, in the files that services/taste/README.md describes."""

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
from services.taste.domain import ItemRef
from services.taste.ratings import kinds, likes
from spark_jobs.views import MARKS_COLUMNS

log = logging.getLogger(__name__)

UNKNOWN_TIME = r"\N"
EXPORTED, RATED = 0.5, 0.75  # completed share after each step, for display


@dataclass(frozen=True)
class Collected:
    """`counted_marks` is the number of marks in all accounts when the training began."""

    counted_marks: int
    ratings: Sequence[StoredFile]


class Collector:
    """`ratings` holds one file for each item type with ratings; None if SEEN_RATINGS is empty."""

    def __init__(self, accounts: Accounts, catalogs: Sequence[Catalog], ratings: Storage | None) -> None:
        self._accounts = accounts
        self._catalogs = catalogs
        self._ratings = ratings

    async def ratings_files(self) -> Sequence[StoredFile]:
        if self._ratings is None:
            return []
        names = [ratings.file_name(ItemType.Name(catalog.type)) for catalog in self._catalogs]
        files = [await self._ratings.find(name) for name in names]
        return [file for file in files if file and file.size]

    async def count_marks(self) -> int:
        return await self._accounts.count_marks()

    async def collect(self, folder: Path, report: Report) -> Collected:
        """Writes the files into the folder.

        Raises Unavailable if a service or the storage does not answer; JobFailed for an invalid ratings file; OSError.
        """
        counted_marks, ratings_files = await self.count_marks(), await self.ratings_files()
        with (folder / "marks.tsv").open("w") as marks, (folder / "items.jsonl").open("w") as items_file:
            marks.write("\t".join(MARKS_COLUMNS) + "\n")
            items = _Items(items_file)
            marked = await self._export(marks, counted_marks, report)
            report("reading ratings", EXPORTED)
            for file in ratings_files:
                try:
                    await self._add_ratings(folder, file, marks, items)
                except (WrongHeader, LoadError) as error:
                    message = str(error).replace(f"{folder}/", "")
                    raise JobFailed(message if file.name in message else f"{file.name}: {message}") from error
            for number, catalog in enumerate(self._catalogs):
                report("reading items", RATED + (1 - RATED) * number / len(self._catalogs))
                unwritten = [item_id for item_type, item_id in marked - items.written if item_type == catalog.type]
                async for batch in catalog.items(unwritten):
                    items.write(batch)
                items.write(await catalog.most_voted())
        await self._write_counts(folder / "counts.jsonl")
        return Collected(counted_marks, ratings_files)

    async def _export(self, marks: IO[str], counted_marks: int, report: Report) -> set[ItemRef]:
        """Writes everyone's marks. Returns the marked items."""
        marked: set[ItemRef] = set()
        written = 0
        report("exporting marks", 0)
        async for page in self._accounts.export_marks():
            await asyncio.to_thread(_write_marks, marks, page, marked)
            written += len(page)
            report("exporting marks", EXPORTED * min(written / max(counted_marks, 1), 1))
        return marked

    async def _add_ratings(self, folder: Path, file: StoredFile, marks: IO[str], items: "_Items") -> None:
        """Adds the ratings of one file as marks. Invalid rows and ratings of unknown items are counted in the log."""
        name = file.name.partition(".")[0]
        catalog = next(catalog for catalog in self._catalogs if ItemType.Name(catalog.type) == name)
        copy = folder / file.name
        assert self._ratings is not None
        await download(self._ratings, file, copy)
        people = await asyncio.to_thread(_People.read, copy)
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
                "invalid_rows": people.invalid_rows,
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
        self.written: set[ItemRef] = set()
        self._file = file

    def write(self, items: Iterable[Item]) -> None:
        for item in items:
            ref = ItemRef(item.type, item.id)
            if ref not in self.written:
                self.written.add(ref)
                self._file.write(_item_line(item))


@dataclass
class _People:
    """Each person's ratings in a ratings file, in the order of the file.

    The file is read twice: whether a rating is a like depends on all ratings of the person.
    """

    ratings: dict[str, "array[float]"]
    source_ids: set[str]
    invalid_rows: int = 0

    @classmethod
    def read(cls, file: Path) -> "_People":
        people = cls({}, set())
        for rating in _read_ratings(file):
            if rating is None:
                people.invalid_rows += 1
                continue
            people.ratings.setdefault(rating.person, array("d")).append(rating.rating)
            people.source_ids.add(rating.source_id)
        return people

    def write_marks(self, file: Path, marks: IO[str], item_type: ItemType, ids: dict[str, str]) -> int:
        """Returns the number of ratings of unknown items. People get new numbers, so that no mark names a person."""
        prefix = ItemType.Name(item_type)
        people = {
            person: (f"{prefix}-{number}", iter(kinds(likes(ratings_of_person))))
            for number, (person, ratings_of_person) in enumerate(self.ratings.items())
        }
        unknown = 0
        for rating in filter(None, _read_ratings(file)):
            person, kinds_of_person = people[rating.person]
            kind = next(kinds_of_person)
            item_id = ids.get(rating.source_id)
            if item_id is None:
                unknown += 1
                continue
            time = UNKNOWN_TIME if rating.rated_at is None else f"{rating.rated_at:.0f}"
            marks.write(f"{person}\t{item_type}\t{item_id}\t{kind}\t{time}\n")
        return unknown


def _read_ratings(file: Path) -> Iterable[Rating | None]:
    """None for an invalid row."""
    (table,) = tables.find_tables(file)
    with tables.open_table(table, Format.CSV) as (text, _):
        for rating in ratings.read(text):
            yield rating if isinstance(rating, Rating) else None


def _write_marks(marks: IO[str], page: Sequence[ExportedMark], marked: set[ItemRef]) -> None:
    lines = []
    for mark in page:
        kind = "like" if mark.kind == LIKE else "seen"
        lines.append(f"account-{mark.person}\t{mark.item.type}\t{mark.item.id}\t{kind}\t{mark.marked_at.seconds}\n")
        marked.add(ItemRef(mark.item.type, mark.item.id))
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
