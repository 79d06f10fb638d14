"""A Google Cloud project, and real services for the training."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.spark_connector.settings import SparkSettings
from tests.integration.catalog.servers import Server
from tests.integration.spark_connector import services
from tests.integration.spark_connector.cloud import Harness
from tests.integration.spark_connector.connector import SAMPLE, FakeJobs, settings
from tests.integration.spark_connector.google_cloud import Cloud, Storage, storage_emulator
from tests.integration.spark_connector.services import Services


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    with storage_emulator() as running:
        yield running


@pytest.fixture
async def harness(tmp_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Harness]:
    monkeypatch.setattr("services.spark_connector.google_retry.FIRST_WAIT_S", 0.02)
    name = f"seen-{tmp_path.name.replace('_', '-')[:50]}"
    storage.make_bucket(name)
    storage.put(name, {f"imdb/{file.name}": file for file in SAMPLE.glob("*.tsv")})
    cloud = Cloud(storage, name, tmp_path / "cluster")
    cloud.start()
    try:
        yield Harness(cloud, FakeJobs.create(tmp_path), tmp_path)
    finally:
        await asyncio.to_thread(cloud.end)


@pytest.fixture(params=["dataproc", "batches"])
def either(request: pytest.FixtureRequest, harness: Harness) -> Harness:
    harness.kind = request.param
    return harness


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with services.mongod(tmp_path_factory.mktemp("mongod")) as server:
        yield server


@pytest.fixture
async def seen(mongod: Server, tmp_path: Path) -> AsyncIterator[Services]:
    async with services.running(mongod, tmp_path) as running:
        yield running


@pytest.fixture
def with_services(seen: Services, tmp_path: Path) -> SparkSettings:
    """Nothing is trained unless a test asks for it."""
    return settings(tmp_path, **seen.addresses, ratings=str(tmp_path / "ratings"), training_interval_s=0)
