"""The command line of `scripts/load.sh ratings`: checks people's ratings and stores them for training."""

import argparse
import asyncio
import csv
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from scripts.loader import destination
from seen.v1.types_pb2 import ItemType
from services.catalog import datasets
from services.catalog.adapter import Format
from services.catalog.item import Skipped
from services.catalog.loader import command
from services.catalog.loader.errors import InvalidInput, LoadError
from services.catalog.loader.report import Progress, progress
from services.catalog.loader.tables import find_tables, open_table
from services.catalog.settings import DATABASE
from services.catalog.store import mongo
from services.catalog.store.store import connect
from services.common.errors import SeenError
from services.spark_connector.settings import GS
from services.spark_connector.storage.files import Folder, Storage
from services.spark_connector.training import ratings
from services.spark_connector.training.ratings import Rating

PROGRESS_EVERY_ROWS = 1000
IDS_PER_QUERY = 1000

_DESCRIPTION = """\
Loads people's ratings, from which the suggestion model learns. They belong to no account, and nobody can sign in as
these people. FILE is CSV, plain, .gz or .zip, with a first line and one rating per line:

  person,source_id,rating,rated_at
  1,tt1074638,7,1365029107
  1,tt1853728,8,

  person     any name or number; it identifies a person within this file only
  source_id  the id that Goodreads, IMDb or MyAnimeList gives the item
  rating     above 0 and up to 10
  rated_at   seconds since 1970, or a time in ISO 8601, or empty

The file replaces earlier ratings of the dataset; a file without rows removes them. The model is trained from them
within the hour, or when an administrator sends POST /suggest/model."""
_EPILOG = """\
exit codes:
  0    the ratings are stored
  1    stopped by an error; nothing was changed
  2    wrong command or file, or no row is a rating; nothing was changed
  130  interrupted; nothing was changed"""


@dataclass
class Report:
    """Every row is stored or skipped. Ratings of unknown items are stored, for when the dataset has the items."""

    rows: int = 0
    stored: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    people: set[str] = field(default_factory=set)
    # Number of ratings by source id.
    items: Counter[str] = field(default_factory=Counter)
    # Source ids that the dataset does not have; None if MongoDB did not answer.
    unknown: set[str] | None = None
    seconds: float = 0

    def text(self, name: str) -> str:
        lines = [
            f"{name}: {self.rows:,} rows read in {self.seconds:.1f} s",
            f"  {'stored':<10}{self.stored:>12,}  of {len(self.people):,} people on {len(self.items):,} items",
        ]
        if self.unknown is None:
            lines.append("    MongoDB does not answer, so it is unknown whether the dataset has these items")
        elif self.unknown:
            ratings = sum(self.items[source_id] for source_id in self.unknown)
            items = f"{len(self.unknown):,} items"
            lines.append(f"    {ratings:>18,}  unknown item: used once the dataset has it ({items})")
        lines.append(f"  {'skipped':<10}{self.skipped.total():>12,}")
        lines += [f"    {count:>18,}  {reason}" for reason, count in self.skipped.most_common()]
        return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/load.sh ratings",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dataset", choices=datasets.names())
    parser.add_argument("file", type=Path, metavar="FILE")
    destination.add_data_option(parser)
    options = parser.parse_args(arguments)
    name = f"ratings of {options.dataset}"
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT is ignored in the background of a shell script
        signal.signal(number, signal.default_int_handler)
    try:
        storage = _storage(destination.ratings(options.data))
        report = Report()
        item_type = datasets.get_adapter(options.dataset).type
        with tempfile.TemporaryDirectory(prefix="seen-ratings-") as folder:
            valid = Path(folder, "ratings.csv")
            _copy_valid(options.file, valid, name, report)
            if report.rows and not report.stored:
                print(report.text(name))
                raise InvalidInput(f"{options.file}: no row is a rating")
            uris = destination.mongo_uris(options.data, options.dataset)
            asyncio.run(_store(storage, ItemType.Name(item_type), valid, report, options.dataset, uris))
    except LoadError as error:
        return _stopped(name, str(error), error.exit_code)
    except SeenError as error:
        return _stopped(name, error.message, LoadError.exit_code)
    except OSError as error:
        return _stopped(name, f"{error.filename or options.file}: {error.strerror or error}", LoadError.exit_code)
    except KeyboardInterrupt:
        return _stopped(name, "interrupted; nothing was changed", command.INTERRUPTED)
    print(report.text(name))
    return 0


def _copy_valid(source: Path, target: Path, name: str, report: Report) -> None:
    """Writes the rows that are ratings. Raises LoadError."""
    tables = find_tables(source)
    if len(tables) != 1:
        raise InvalidInput(f"{source}: contains {len(tables)} files, not one")
    started = time.monotonic()
    with (
        open_table(tables[0], Format.CSV) as (text, bytes_read),
        target.open("w", newline="", encoding="utf-8") as opened,
        progress(name, source.stat().st_size) as show,
    ):
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(ratings.COLUMNS)
        try:
            writer.writerows(rating.row() for rating in _valid(ratings.read(text), report, bytes_read, show))
        except ratings.WrongHeader as error:
            raise InvalidInput(f"{source}: {error}") from error
    report.seconds = time.monotonic() - started


def _valid(
    rows: Iterator[Rating | Skipped], report: Report, bytes_read: Callable[[], int], show: Progress
) -> Iterator[Rating]:
    for row in rows:
        report.rows += 1
        if report.rows % PROGRESS_EVERY_ROWS == 0:
            show(bytes_read(), report.rows)
        if isinstance(row, Skipped):
            report.skipped[row.reason] += 1
            continue
        report.stored += 1
        report.people.add(row.person)
        report.items[row.source_id] += 1
        yield row


async def _store(storage: Storage, item_type: str, valid: Path, report: Report, dataset: str, uris: str) -> None:
    report.unknown = await _unknown_items(dataset, uris, report)
    if report.stored:
        await storage.write_file(ratings.file_name(item_type), valid)
    else:
        await storage.delete(ratings.file_name(item_type))


async def _unknown_items(dataset: str, uris: str, report: Report) -> set[str] | None:
    unknown = set(report.items)
    ids = iter(report.items)
    try:
        database = os.environ.get("SEEN_MONGO_DATABASE", DATABASE)
        async with connect(dataset, datasets.get_adapter(dataset).type, mongo.split_uris(uris), database) as store:
            while batch := list(islice(ids, IDS_PER_QUERY)):
                unknown -= {item.source_id or "" for item in await store.find_by_source_id(batch)}
    except ValueError as error:
        raise InvalidInput(f"SEEN_MONGO_URIS: {error}") from error
    except SeenError:
        return None
    return unknown


def _storage(location: str) -> Storage:
    if not location.startswith(GS):
        return Folder(Path(location).absolute())
    try:
        from services.spark_connector.storage.bucket import Bucket
    except ImportError as error:
        raise InvalidInput(f"{location}: install google-cloud-storage into .venv first: {error}") from error
    return Bucket(location)


def _stopped(name: str, message: str, exit_code: int) -> int:
    print(f"{name}: {message}", file=sys.stderr)
    return exit_code
