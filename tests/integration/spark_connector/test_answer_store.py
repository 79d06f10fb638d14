"""Stored answers, in a folder and in a bucket."""

import asyncio
import dataclasses
import json
import os
from pathlib import Path

import pytest

from services.common.errors import Unavailable
from services.spark_connector.storage.answer_store import AnswerRecord, AnswerStore
from services.spark_connector.storage.bucket import Bucket
from services.spark_connector.storage.files import Folder
from tests.integration.spark_connector.storage_emulator import Storage

RECORD = AnswerRecord(
    question="best_director",
    arguments={"min_films": 10},
    fingerprint="f",
    inputs=[{"name": "title.basics.tsv", "size": 1, "version": 2}],
    result={"answer": {"winner": {"person": {"id": "nm1", "name": "Ōzu Yasujirō"}}}},
    runner="duckdb",
    startedAt="2026-11-23T00:00:00.000+00:00",
    computedAt="2026-11-23T00:00:05.000+00:00",
)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, emulator: Storage, bucket: str) -> AnswerStore:
    if request.param == "folder":
        return AnswerStore(Folder(tmp_path / "results"))
    return AnswerStore(Bucket(f"gs://{bucket}/answers", emulator.client))


async def test_a_saved_answer_is_loaded(store: AnswerStore) -> None:
    await store.save("best_director", RECORD)
    assert await store.load("best_director") == RECORD


async def test_a_missing_answer_is_none(store: AnswerStore) -> None:
    assert await store.load("best_director") is None


async def test_saving_replaces_an_older_answer(store: AnswerStore) -> None:
    newer = dataclasses.replace(RECORD, fingerprint="g")
    await store.save("best_director", RECORD)
    await store.save("best_director", newer)
    assert await store.load("best_director") == newer


async def test_the_oldest_answers_are_deleted_except_for_protected_ones(store: AnswerStore) -> None:
    for number in range(5):
        await store.save(f"best_director.{number}", RECORD)
        await asyncio.sleep(0.01)
    await store.save("most_connected", RECORD)
    await store.delete_oldest("best_director", ["best_director.0"], 3)
    names = ["most_connected", *(f"best_director.{number}" for number in range(5))]
    left = [name for name in names if await store.load(name)]
    assert left == ["most_connected", "best_director.0", "best_director.3", "best_director.4"]


async def test_ping_succeeds(store: AnswerStore) -> None:
    await store.ping()


async def test_saving_leaves_no_temporary_file(tmp_path: Path) -> None:
    await AnswerStore(Folder(tmp_path)).save("best_director", RECORD)
    assert os.listdir(tmp_path) == ["best_director.json"]


OLD_FORMAT = json.dumps(
    {
        "question": "best_director",
        "arguments": {},
        "fingerprint": "f",
        "inputs": [],
        "answer": {"winner": None},
        "engine": "embedded",
        "startedAt": "2026-11-23T00:00:00.000+00:00",
        "computedAt": "2026-11-23T00:00:05.000+00:00",
    }
)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"question": "best', "\0", OLD_FORMAT])
async def test_a_damaged_file_and_an_older_format_are_ignored(tmp_path: Path, content: str) -> None:
    (tmp_path / "best_director.json").write_text(content)
    assert await AnswerStore(Folder(tmp_path)).load("best_director") is None


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="files cannot be read or written"):
        await AnswerStore(Folder(tmp_path / "file")).save("best_director", RECORD)


async def test_a_bucket_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.spark_connector.storage.bucket.RETRY_TIMEOUT_S", 0.1)
    with pytest.raises(Unavailable, match="Cloud Storage does not answer"):
        await Bucket("gs://answers", Storage(port=1).client).ping()
