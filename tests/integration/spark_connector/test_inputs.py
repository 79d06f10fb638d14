"""Detecting changed input files in a folder and in a bucket."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from services.common.errors import Unavailable
from services.spark_connector.storage.bucket import Bucket
from services.spark_connector.storage.files import Folder, StoredFile
from services.spark_connector.storage.inputs import BucketInputs, FolderInputs, Inputs
from tests.integration.spark_connector.storage_emulator import Storage

NAMES = ("title.crew", "name.basics")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "imdb").mkdir()
    for name in NAMES:
        (tmp_path / "imdb" / f"{name}.tsv").touch()
    return tmp_path / "imdb"


def names(inputs: Inputs) -> list[str]:
    return [file.name for file in inputs.files]


async def test_files_with_the_given_names_are_found(folder: Path) -> None:
    assert names(await FolderInputs(Folder(folder)).find(NAMES)) == ["title.crew.tsv", "name.basics.tsv"]


async def test_a_touched_file_is_a_change(folder: Path) -> None:
    source = FolderInputs(Folder(folder))
    before = await source.find(NAMES)
    assert await source.find(NAMES) == before
    os.utime(folder / "title.crew.tsv")
    assert await source.find(NAMES) != before


async def test_a_missing_file_is_reported_with_what_to_do(folder: Path) -> None:
    (folder / "title.crew.tsv").unlink()
    with pytest.raises(Unavailable, match=r"title\.crew\.tsv is missing; load it with scripts/load\.sh imdb"):
        await FolderInputs(Folder(folder)).find(NAMES)


async def test_gzip_files_and_folders_of_parquet_files_are_found(folder: Path) -> None:
    (folder / "title.crew.tsv").rename(folder / "title.crew.tsv.gz")
    (folder / "name.basics.tsv").unlink()
    (folder / "name.basics.parquet").mkdir()
    (folder / "name.basics.parquet" / "part-0.parquet").touch()
    assert names(await FolderInputs(Folder(folder)).find(NAMES)) == [
        "title.crew.tsv.gz",
        "name.basics.parquet/part-0.parquet",
    ]


async def test_the_sample_is_used_until_there_is_a_file(folder: Path, tmp_path: Path) -> None:
    source = FolderInputs(Folder(tmp_path / "copied"), sample=Folder(folder))
    assert (await source.find(NAMES)).location == str(folder)
    (tmp_path / "copied").mkdir()
    shutil.copy(folder / "title.crew.tsv", tmp_path / "copied")
    with pytest.raises(Unavailable, match=r"name\.basics\.tsv is missing"):
        await source.find(NAMES)


async def test_a_rewritten_object_is_a_change(folder: Path, emulator: Storage, bucket: str) -> None:
    emulator.put(bucket, {f"imdb/{name}.tsv": folder / f"{name}.tsv" for name in NAMES})
    source = BucketInputs(Bucket(f"gs://{bucket}/imdb", emulator.client), cache_s=60)
    before = await source.find(NAMES)
    assert (before.location, names(before)) == (f"gs://{bucket}/imdb", ["title.crew.tsv", "name.basics.tsv"])
    emulator.put(bucket, {"imdb/title.crew.tsv": folder / "title.crew.tsv"})
    assert await source.find(NAMES) == before
    assert await source.find(NAMES, cached=False) != before


async def test_an_old_list_of_a_bucket_is_refreshed_in_the_background(
    folder: Path, emulator: Storage, bucket: str
) -> None:
    emulator.put(bucket, {f"{name}.tsv": folder / f"{name}.tsv" for name in NAMES})
    source = BucketInputs(Bucket(f"gs://{bucket}", emulator.client), cache_s=0)
    before = await source.find(NAMES)
    emulator.put(bucket, {"title.crew.tsv": folder / "title.crew.tsv"})
    assert await source.find(NAMES) == before
    async with asyncio.timeout(60):
        while await source.find(NAMES) == before:
            await asyncio.sleep(0.02)


async def test_concurrent_requests_share_one_list(folder: Path, emulator: Storage, bucket: str) -> None:
    emulator.put(bucket, {f"{name}.tsv": folder / f"{name}.tsv" for name in NAMES})
    lists = 0

    class CountingBucket(Bucket):
        async def list(self, prefix: str) -> list[StoredFile]:
            nonlocal lists
            lists += 1
            return await super().list(prefix)

    source = BucketInputs(CountingBucket(f"gs://{bucket}", emulator.client), cache_s=60)
    await asyncio.gather(*(source.find(NAMES) for _ in range(20)))
    assert lists == 1
