"""Seeing that files have changed, in a folder and in a bucket, and putting real ones in their place."""

import asyncio
import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.common.errors import Unavailable
from services.spark_connector.bucket import Blob, Bucket
from services.spark_connector.inputs import BucketInputs, FolderInputs, Inputs
from services.spark_connector.place import COLUMNS, NotThatFile, of_a_load, place
from tests.integration.spark_connector.cloud import Storage, storage_emulator

NAMES = ("title.crew", "name.basics")


def write(folder: Path, name: str, rows: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.tsv"
    path.write_text("\t".join(COLUMNS[name]) + "\n" + rows)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in COLUMNS:
        write(tmp_path / "imdb", name)
    return tmp_path / "imdb"


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    with storage_emulator() as running:
        yield running


def names(inputs: Inputs) -> list[str]:
    return [file.name for file in inputs.files]


async def test_only_the_files_that_a_question_reads_count(folder: Path) -> None:
    assert names(await FolderInputs(folder).look(NAMES)) == ["title.crew.tsv", "name.basics.tsv"]


async def test_untouched_files_look_the_same_and_a_touched_one_does_not(folder: Path) -> None:
    source = FolderInputs(folder)
    before = await source.look(NAMES)
    assert await source.look(NAMES) == before
    os.utime(folder / "title.crew.tsv")
    assert await source.look(NAMES) != before


async def test_a_missing_file_is_named_with_what_to_do(folder: Path) -> None:
    (folder / "title.crew.tsv").unlink()
    with pytest.raises(Unavailable, match=r"title\.crew\.tsv is missing: scripts/load\.sh imdb"):
        await FolderInputs(folder).look(NAMES)


async def test_compressed_files_and_folders_of_parquet_count_as_well(folder: Path) -> None:
    (folder / "title.crew.tsv").rename(folder / "title.crew.tsv.gz")
    (folder / "name.basics.tsv").unlink()
    (folder / "name.basics.parquet").mkdir()
    (folder / "name.basics.parquet" / "part-0.parquet").touch()
    assert names(await FolderInputs(folder).look(NAMES)) == ["title.crew.tsv.gz", "name.basics.parquet/part-0.parquet"]


async def test_the_sample_is_read_until_the_first_file_is_placed(folder: Path, tmp_path: Path) -> None:
    source = FolderInputs(tmp_path / "placed", sample=folder)
    assert (await source.look(NAMES)).where == str(folder)
    place(tmp_path / "placed", {"title.crew": folder / "title.crew.tsv"})
    with pytest.raises(Unavailable, match=r"name\.basics\.tsv is missing"):
        await source.look(NAMES)


async def test_objects_in_a_bucket_look_different_once_written_again(folder: Path, storage: Storage) -> None:
    storage.make_bucket("films")
    storage.put("films", {f"imdb/{name}.tsv": folder / f"{name}.tsv" for name in NAMES})
    source = BucketInputs(Bucket("gs://films/imdb", storage.client), keep_s=60)
    before = await source.look(NAMES)
    assert (before.where, names(before)) == ("gs://films/imdb", ["title.crew.tsv", "name.basics.tsv"])
    storage.put("films", {"imdb/title.crew.tsv": folder / "title.crew.tsv"})
    assert await source.look(NAMES) == before
    assert await source.look(NAMES, anew=True) != before


async def test_a_list_of_a_bucket_that_got_old_is_renewed_behind_the_back_of_who_asks(
    folder: Path, storage: Storage
) -> None:
    storage.make_bucket("shows")
    storage.put("shows", {f"{name}.tsv": folder / f"{name}.tsv" for name in NAMES})
    source = BucketInputs(Bucket("gs://shows", storage.client), keep_s=0)
    before = await source.look(NAMES)
    storage.put("shows", {"title.crew.tsv": folder / "title.crew.tsv"})
    assert await source.look(NAMES) == before
    async with asyncio.timeout(5):
        while await source.look(NAMES) == before:
            await asyncio.sleep(0.02)


async def test_many_who_ask_at_once_share_one_list(folder: Path, storage: Storage) -> None:
    storage.make_bucket("books")
    storage.put("books", {f"{name}.tsv": folder / f"{name}.tsv" for name in NAMES})
    bucket = Bucket("gs://books", storage.client)
    lists = []

    async def listed(prefix: str) -> list[Blob]:
        lists.append(prefix)
        return await Bucket.list(bucket, prefix)

    bucket.list = listed  # type: ignore[method-assign]
    source = BucketInputs(bucket, keep_s=60)
    await asyncio.gather(*(source.look(NAMES) for _ in range(20)))
    assert len(lists) == 1


async def test_placing_takes_every_file_under_its_own_name_and_leaves_nothing_else(
    folder: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "downloaded.gz"
    packed.write_bytes(gzip.compress((folder / "title.crew.tsv").read_bytes()))
    placed = place(tmp_path / "placed", {"title.crew": packed, "name.basics": folder / "name.basics.tsv"})
    assert placed == sorted((tmp_path / "placed").iterdir(), reverse=True)
    assert [path.name for path in placed] == ["title.crew.tsv.gz", "name.basics.tsv"]


async def test_placing_replaces_an_older_file_of_another_form(folder: Path, tmp_path: Path) -> None:
    place(tmp_path / "placed", {"title.crew": folder / "title.crew.tsv"})
    packed = tmp_path / "title.crew.tsv.gz"
    packed.write_bytes(gzip.compress((folder / "title.crew.tsv").read_bytes()))
    place(tmp_path / "placed", {"title.crew": packed})
    assert [path.name for path in (tmp_path / "placed").iterdir()] == ["title.crew.tsv.gz"]


async def test_placing_a_placed_file_again_keeps_it(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):
        (placed,) = place(tmp_path / "placed", {"title.crew": folder / "title.crew.tsv"})
    assert placed.read_text() == (folder / "title.crew.tsv").read_text()


@pytest.mark.parametrize("content", [b"", b"nconst\tprimaryName\n", b"\x1f\x8bbroken", b"\x00\x01"])
async def test_a_file_that_is_another_one_is_refused_and_nothing_changes(
    folder: Path, tmp_path: Path, content: bytes
) -> None:
    wrong = tmp_path / "wrong.tsv"
    wrong.write_bytes(content)
    with pytest.raises(NotThatFile, match="wrong"):
        place(tmp_path / "placed", {"name.basics": folder / "name.basics.tsv", "title.crew": wrong})
    assert not (tmp_path / "placed").exists()


def test_a_load_without_the_options_places_nothing(folder: Path) -> None:
    assert of_a_load(["imdb", f"{folder}/title.basics.tsv", f"{folder}/title.ratings.tsv", "--batch-size", "9"]) == {}


def test_a_load_with_the_options_places_what_it_loads_as_well(folder: Path) -> None:
    command = ["imdb", f"{folder}/title.ratings.tsv", f"{folder}/title.basics.tsv", f"--crew={folder}/title.crew.tsv"]
    placed = {"title.basics", "title.ratings", "title.crew"}
    assert of_a_load(command) == {name: folder / f"{name}.tsv" for name in placed}


def test_another_datasets_load_has_no_such_options(folder: Path) -> None:
    with pytest.raises(NotThatFile, match="go with imdb"):
        of_a_load(["book", "book_data.csv", "--crew", f"{folder}/title.crew.tsv"])


def test_a_load_with_a_wrong_file_is_stopped_before_anything_is_loaded(folder: Path) -> None:
    with pytest.raises(NotThatFile, match=r"is not IMDb's name\.basics\.tsv"):
        of_a_load(["imdb", f"{folder}/title.basics.tsv", "--names", f"{folder}/title.crew.tsv"])


def test_the_command_line_places_files_and_says_where(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "services.spark_connector.place", str(tmp_path / "placed")]
    done = subprocess.run([*command, "--crew", str(folder / "title.crew.tsv")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/placed/title.crew.tsv\n")
    done = subprocess.run([*command, "--names", str(folder / "title.crew.tsv")], capture_output=True, text=True)
    assert (done.returncode, "is not IMDb's name.basics.tsv" in done.stderr) == (1, True)
