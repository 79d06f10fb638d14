"""Kept answers, in a folder and in a bucket: the same promises of both."""

import asyncio
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.common.errors import Unavailable
from services.spark_connector.bucket import Bucket
from services.spark_connector.records import BucketRecords, FolderRecords, Record, Records
from tests.integration.spark_connector.cloud import Storage, storage_emulator

RECORD = Record(
    question="best_director",
    arguments={"min_films": 10},
    fingerprint="f",
    inputs=[{"name": "title.basics.tsv", "size": 1, "version": 2}],
    answer={"winner": {"person": {"id": "nm1", "name": "Ōzu Yasujirō"}}},
    engine="embedded",
    startedAt="2026-11-23T00:00:00.000+00:00",
    computedAt="2026-11-23T00:00:05.000+00:00",
)


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    with storage_emulator() as running:
        yield running


@pytest.fixture(params=["folder", "bucket"])
def records(request: pytest.FixtureRequest, tmp_path: Path, storage: Storage) -> Records:
    if request.param == "folder":
        return FolderRecords(tmp_path / "results")
    name = f"answers-{abs(hash(tmp_path))}"
    storage.make_bucket(name)
    return BucketRecords(Bucket(f"gs://{name}/kept", storage.client))


async def test_what_was_saved_is_loaded(records: Records) -> None:
    await records.save("best_director", RECORD)
    assert await records.load("best_director") == RECORD


async def test_what_was_never_saved_is_none(records: Records) -> None:
    assert await records.load("best_director") is None


async def test_the_last_one_saved_counts(records: Records) -> None:
    newer = dataclasses.replace(RECORD, fingerprint="g")
    await records.save("best_director", RECORD)
    await records.save("best_director", newer)
    assert await records.load("best_director") == newer


async def test_the_oldest_are_forgotten_but_never_those_to_keep(records: Records) -> None:
    for number in range(5):
        await records.save(f"best_director.{number}", RECORD)
        await asyncio.sleep(0.01)
    await records.save("most_connected", RECORD)
    await records.forget("best_director", ["best_director.0"], 3)
    names = ["most_connected", *(f"best_director.{number}" for number in range(5))]
    left = [name for name in names if await records.load(name)]
    assert left == ["most_connected", "best_director.0", "best_director.3", "best_director.4"]


async def test_pings_answer(records: Records) -> None:
    await records.ping()


async def test_saving_leaves_no_other_file(tmp_path: Path) -> None:
    await FolderRecords(tmp_path).save("best_director", RECORD)
    assert os.listdir(tmp_path) == ["best_director.json"]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"question": "best', "\0"])
async def test_a_file_that_cannot_be_read_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "best_director.json").write_text(content)
    assert await FolderRecords(tmp_path).load("best_director") is None


async def test_a_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="the kept answers cannot be reached"):
        await FolderRecords(tmp_path / "file").save("best_director", RECORD)


async def test_a_bucket_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.spark_connector.bucket.WITHIN_S", 0.1)
    with pytest.raises(Unavailable, match="Cloud Storage does not answer"):
        await Bucket("gs://answers", Storage(port=1).client).ping()
