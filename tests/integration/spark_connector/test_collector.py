"""The inputs of a training, collected from real accounts, real datasets and ratings files."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seen.v1.types_pb2 import ANIME, BOOK, Item
from services.spark_connector import clients
from services.spark_connector.runners.job import JobFailed
from services.spark_connector.storage.files import Folder
from services.spark_connector.training.collector import Collected, Collector
from tests.integration.spark_connector.services import Services, write_ratings


class Harness:
    def __init__(self, collector: Collector, folder: Path) -> None:
        self._collector = collector
        self._folder = folder

    async def collect(self) -> Collected:
        return await self._collector.collect(self._folder, lambda stage, share: None)

    @property
    def marks(self) -> list[tuple[str, ...]]:
        """Person, type, id and kind of each mark."""
        lines = (self._folder / "marks.tsv").read_text().splitlines()[1:]
        return [tuple(line.split("\t")[:4]) for line in lines]

    @property
    def items(self) -> list[tuple[int, str]]:
        lines = (self._folder / "items.jsonl").read_text().splitlines()
        return [(item["type"], item["id"]) for item in map(json.loads, lines)]


@pytest.fixture
async def harness(seen: Services, tmp_path: Path) -> AsyncIterator[Harness]:
    folder = tmp_path / "inputs"
    folder.mkdir()
    async with clients.connect(seen.account_address, seen.catalog_addresses) as (accounts, catalogs):
        yield Harness(Collector(accounts, catalogs, Folder(tmp_path / "ratings")), folder)


def mark(person: str, item: Item, kind: str) -> tuple[str, ...]:
    return person, str(item.type), item.id, kind


async def test_marks_of_accounts_are_exported(seen: Services, harness: Harness) -> None:
    liked, watched = seen.items[BOOK][0], seen.items[ANIME][0]
    await seen.mark("auth0|ana", [liked])
    await seen.mark("auth0|ana", [watched], like=False)
    assert (await harness.collect()).counted_marks == 2
    people = {person for person, *_ in harness.marks}
    assert len(people) == 1
    assert not any("ana" in person for person in people)
    (person,) = people
    assert sorted(harness.marks) == sorted([mark(person, liked, "like"), mark(person, watched, "seen")])


async def test_marked_items_that_exist_and_the_most_voted_items_are_described_once(
    seen: Services, harness: Harness
) -> None:
    await seen.mark("auth0|ana", [seen.items[BOOK][0], Item(type=BOOK, id="0" * 24)])
    await harness.collect()
    assert len(harness.items) == len(set(harness.items))
    assert set(harness.items) >= {(item.type, item.id) for item in (seen.items[BOOK][0], *seen.items[ANIME][:10])}
    assert (BOOK, "0" * 24) not in harness.items


async def test_ratings_are_marks(seen: Services, tmp_path: Path, harness: Harness) -> None:
    first, second, third = seen.items[BOOK][:3]
    ratings = [(first, 9), (second, 10), (third, 2)]
    write_ratings(tmp_path, BOOK, [f"Zacharias,{item.source_id},{rating},1365029107" for item, rating in ratings])
    await harness.collect()
    assert harness.marks == [
        mark("BOOK-0", first, "like"),
        mark("BOOK-0", second, "like"),
        mark("BOOK-0", third, "seen"),
    ]


async def test_a_person_of_a_ratings_file_is_neither_a_person_of_another_file_nor_an_account(
    seen: Services, tmp_path: Path, harness: Harness
) -> None:
    await seen.mark("1", seen.items[BOOK][:1])
    for item_type in (BOOK, ANIME):
        write_ratings(tmp_path, item_type, [f"1,{seen.items[item_type][0].source_id},9,"])
    await harness.collect()
    assert len({person for person, *_ in harness.marks}) == 3


async def test_invalid_rows_and_ratings_of_unknown_items_are_skipped_and_counted(
    seen: Services, tmp_path: Path, harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    item = seen.items[BOOK][0]
    known = item.source_id
    write_ratings(tmp_path, BOOK, [f"1,{known},8,", "1,unknown,8,", f",{known},8,", f"2,{known},eleven,", "nonsense"])
    await harness.collect()
    assert harness.marks == [mark("BOOK-0", item, "like")]
    (record,) = [record for record in caplog.records if record.message == "ratings added"]
    assert (record.ratings, record.of_unknown_items, record.invalid_rows) == (2, 1, 3)  # type: ignore[attr-defined]


async def test_somebody_may_have_100_000_ratings(seen: Services, tmp_path: Path, harness: Harness) -> None:
    known = [item.source_id for item in seen.items[BOOK]]
    write_ratings(tmp_path, BOOK, [f"1,{known[number % len(known)]},7,{number}" for number in range(100_000)])
    await harness.collect()
    assert len(harness.marks) == 100_000


async def test_a_file_without_a_valid_header_is_named(tmp_path: Path, harness: Harness) -> None:
    (tmp_path / "ratings").mkdir()
    (tmp_path / "ratings" / "BOOK.csv").write_text("some,other,columns\n1,2,3\n")
    with pytest.raises(JobFailed, match=r"^BOOK\.csv: its first line must be person,source_id,rating,rated_at"):
        await harness.collect()
