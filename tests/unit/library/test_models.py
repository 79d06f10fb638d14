"""When the library uses another model, and when it keeps the model that it has."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from services.common.errors import Aborted, Unavailable
from services.library.datasets import Datasets
from services.library.suggestions.models import Models
from services.taste import model_file
from services.taste.model import Model
from tests.unit.library.fakes import BOOK, SHOW, FakeDataset, FakeModelSource, items, ref

BOOKS = FakeDataset(BOOK, items(["Drama"], 20))


@pytest.fixture
def books() -> FakeDataset:
    return FakeDataset(BOOK, items(["Drama"], 20))


@pytest.fixture
def source() -> FakeModelSource:
    return FakeModelSource()


@pytest.fixture
def models(source: FakeModelSource, books: FakeDataset) -> Models:
    return Models(source, Datasets([books]), check_interval_s=0.01, votes_interval_s=60)


@pytest.fixture
async def running(models: Models) -> AsyncIterator[Models]:
    async with models.running():
        yield models


def train(source: FakeModelSource, version: str, trained_at: float = 0) -> None:
    source.current = version
    source.content = model_file.to_bytes(Model.build(BOOKS.items, {}, version=version, trained_at=trained_at))


def version(models: Models, item_type: int = BOOK) -> str | None:
    model = models.of_type(item_type)
    return model.version if model else None


async def wait_for(models: Models, expected: str) -> None:
    async with asyncio.timeout(5):
        while version(models) != expected:
            await asyncio.sleep(0.01)


async def test_the_model_of_votes_is_used_until_there_is_a_trained_model(
    models: Models, source: FakeModelSource
) -> None:
    await models.read_trained()
    await models.read_votes()
    assert version(models) == "votes"
    train(source, "1")
    await models.read_trained()
    assert version(models) == "1"


async def test_a_running_library_follows_each_training(running: Models, source: FakeModelSource) -> None:
    await wait_for(running, "votes")
    for trained in ("1", "2"):
        train(source, trained)
        await wait_for(running, trained)


async def test_a_model_is_read_once(models: Models, source: FakeModelSource) -> None:
    train(source, "1")
    for _ in range(3):
        await models.read_trained()
    assert source.calls["read"] == 1


async def test_metrics_show_the_model_in_use(models: Models, source: FakeModelSource) -> None:
    train(source, "1", trained_at=1_800_000_000)
    await models.read_trained()
    assert REGISTRY.get_sample_value("seen_model_trained_timestamp_seconds") == 1_800_000_000


@pytest.mark.parametrize("length", [0, 100, -1])
async def test_a_damaged_file_is_logged_and_the_last_model_stays(
    models: Models, source: FakeModelSource, caplog: pytest.LogCaptureFixture, length: int
) -> None:
    train(source, "1")
    await models.read_trained()
    train(source, "2")
    source.content = source.content[:length]
    for _ in range(3):
        await models.read_trained()
    assert version(models) == "1"
    assert len([message for message in caplog.messages if "damaged" in message]) == 1
    assert source.calls["read"] == 2  # a damaged version is not read again at once
    train(source, "3")
    await models.read_trained()
    assert version(models) == "3"


@pytest.mark.parametrize("error", [Unavailable("down"), Aborted("replaced while it was read"), RuntimeError("a fault")])
async def test_a_failing_source_changes_nothing_and_is_logged_once(
    running: Models, source: FakeModelSource, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    train(source, "1")
    await wait_for(running, "1")
    source.error = error
    before = source.calls["version"]
    async with asyncio.timeout(5):
        while source.calls["version"] < before + 3:
            await asyncio.sleep(0.01)
    assert version(running) == "1"
    assert len([message for message in caplog.messages if "cannot be read" in message]) == 1
    source.error = None
    train(source, "2")
    await wait_for(running, "2")


async def test_without_a_source_the_model_of_votes_is_used(running: Models, source: FakeModelSource) -> None:
    source.error = Unavailable("not installed")
    await wait_for(running, "votes")


async def test_a_type_that_the_trained_model_lacks_has_the_model_of_votes(source: FakeModelSource) -> None:
    shows = FakeDataset(SHOW, items(["War"], 20))
    models = Models(source, Datasets([BOOKS, shows]), check_interval_s=1, votes_interval_s=1)
    train(source, "1")
    await models.read_trained()
    assert models.of_type(SHOW) is None
    await models.read_votes()
    assert version(models) == "1"
    assert version(models, SHOW) == "votes"


async def test_the_votes_of_a_dataset_that_stops_answering_stay_in_use(models: Models, books: FakeDataset) -> None:
    await models.read_votes()
    books.down = True
    await models.read_votes()
    assert version(models) == "votes"


async def test_the_items_of_a_dataset_that_is_loaded_later_are_soon_used(
    source: FakeModelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.library.suggestions.models.INCOMPLETE_INTERVAL_S", 0.01)
    books = FakeDataset(BOOK, [])
    models = Models(source, Datasets([books]), check_interval_s=60, votes_interval_s=60)
    async with models.running():
        await wait_for(models, "votes")
        books.items = BOOKS.items
        async with asyncio.timeout(5):
            while not ((model := models.of_type(BOOK)) and model.ids):
                await asyncio.sleep(0.01)


async def test_there_are_no_similar_items_before_a_training(models: Models, books: FakeDataset) -> None:
    await models.read_votes()
    assert models.similar(ref(books.items[0]), 10) == ()
