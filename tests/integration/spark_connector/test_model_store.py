"""The stored suggestion model, in a folder and in a bucket."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from seen.v1.types_pb2 import BOOK
from services.common.errors import Aborted, NotFound
from services.spark_connector.storage import files
from services.spark_connector.storage.bucket import Bucket
from services.spark_connector.storage.files import Folder
from services.spark_connector.training.model_store import MAX_PART_BYTES, MODEL, RECORD, ModelStore
from services.taste import model_file
from services.taste.model import Model
from services.taste.training_files import TrainingItem
from tests.integration.spark_connector.storage_emulator import Storage


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, emulator: Storage, bucket: str) -> files.Storage:
    if request.param == "folder":
        return Folder(tmp_path / "results")
    return Bucket(f"gs://{bucket}/results", emulator.client)


@dataclass
class Trained:
    """Writes models into files, as a training does."""

    folder: Path

    def model(self, version: str, items: int = 3) -> Path:
        numbers = range(items)
        model = Model.build(
            [TrainingItem(BOOK, f"{number:024}", votes=number, rating=8) for number in numbers],
            {},
            version=version,
            trained_at=1000.5,
            marks=7,
            people=2,
        )
        model_file.save(model, self.folder / version)
        return self.folder / version


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    return Trained(tmp_path)


async def test_a_stored_model_is_read_in_parts(storage: files.Storage, trained: Trained) -> None:
    model = trained.model("one", items=100_000)
    store = ModelStore(storage)
    await store.replace(model, 12, [])
    version, size, content = await store.read("", 0)
    assert (version, len(content)) == ("one", MAX_PART_BYTES)
    while len(content) < size:
        content += (await store.read("one", len(content)))[2]
    assert content == model.read_bytes()
    assert (await store.read("one", size))[2] == b""


async def test_the_summary_is_read_from_the_model(storage: files.Storage, trained: Trained) -> None:
    await ModelStore(storage).replace(trained.model("one"), 12, [])
    summary = await ModelStore(storage).summary()
    assert summary is not None
    assert (summary.version, summary.trained_at, summary.people, summary.marks) == ("one", 1000.5, 2, 7)


async def test_a_record_of_an_older_model_is_ignored(storage: files.Storage, trained: Trained) -> None:
    ratings = [files.StoredFile("BOOK.csv", 10, 11)]
    await ModelStore(storage).replace(trained.model("one"), 12, ratings)
    record = await ModelStore(storage).record()
    assert record is not None
    assert (record.version, record.counted_marks, record.ratings) == ("one", 12, ratings)
    await storage.write_file(MODEL, trained.model("two"))  # by a connector that was killed before it stored the record
    assert await ModelStore(storage).record() is None


async def test_before_the_first_training_nothing_is_found(storage: files.Storage) -> None:
    store = ModelStore(storage)
    assert (await store.summary(), await store.record()) == (None, None)
    with pytest.raises(NotFound):
        await store.read("", 0)


async def test_a_version_that_another_connector_has_replaced_is_aborted(
    storage: files.Storage, trained: Trained
) -> None:
    store = ModelStore(storage)
    await store.replace(trained.model("one"), 12, [])
    await store.read("", 0)
    await ModelStore(storage).replace(trained.model("two"), 13, [])
    with pytest.raises(Aborted):
        await store.read("one", 0)
    assert (await store.read("", 0))[0] == "two"


async def test_a_part_of_a_replaced_file_is_never_read(storage: files.Storage, trained: Trained) -> None:
    await storage.write_file(MODEL, trained.model("one"))
    old = await storage.find(MODEL)
    assert old is not None
    await storage.write_file(MODEL, trained.model("two"))
    if isinstance(storage, Folder):  # the emulator ignores ifGenerationMatch
        assert await storage.read_part(old, 0, 10) is None
    assert await storage.read_part(old, old.size, 10) is None
    await storage.delete(MODEL)
    assert await storage.read_part(old, 0, 10) is None


async def test_an_invalid_model_is_refused(storage: files.Storage, trained: Trained, tmp_path: Path) -> None:
    store = ModelStore(storage)
    await store.replace(trained.model("one"), 12, [])
    (tmp_path / "damaged").write_bytes(b"PK")
    with pytest.raises(ValueError, match="no model"):
        await store.replace(tmp_path / "damaged", 13, [])
    assert (await store.read("", 0))[0] == "one"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": "one"}', b'{"version": "one", "ratings": 1}'])
async def test_a_damaged_record_is_none(storage: files.Storage, trained: Trained, content: bytes) -> None:
    await ModelStore(storage).replace(trained.model("one"), 12, [])
    await storage.write(RECORD, content, "application/json")
    assert await ModelStore(storage).record() is None
