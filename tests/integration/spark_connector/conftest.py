"""A fake Google Cloud project, and real services for trainings."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.account.migrate import migrate
from services.spark_connector.settings import SparkSettings
from tests.integration.catalog.servers import Server
from tests.integration.spark_connector import services
from tests.integration.spark_connector.cloud import Harness
from tests.integration.spark_connector.connector import SAMPLE, FakeJobs, settings
from tests.integration.spark_connector.fake_dataproc import Cloud
from tests.integration.spark_connector.services import Services
from tests.integration.spark_connector.storage_emulator import Storage, storage_emulator


@pytest.fixture(scope="session")
def emulator() -> Iterator[Storage]:
    """Cloud Storage for all tests. Each test has its own buckets."""
    with storage_emulator() as running:
        yield running


@pytest.fixture
def bucket(tmp_path: Path, emulator: Storage) -> str:
    """The name of a new bucket."""
    name = f"seen-{tmp_path.name.replace('_', '-')[:50]}"
    emulator.make_bucket(name)
    return name


@pytest.fixture
async def harness(
    tmp_path: Path, emulator: Storage, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Harness]:
    monkeypatch.setattr("services.spark_connector.google_retry.FIRST_WAIT_S", 0.02)
    emulator.put(bucket, {f"imdb/{file.name}": file for file in SAMPLE.glob("*.tsv")})
    cloud = Cloud(emulator, bucket, tmp_path / "cluster")
    cloud.start()
    try:
        yield Harness(cloud, FakeJobs.create(tmp_path), tmp_path)
    finally:
        await asyncio.to_thread(cloud.end)


@pytest.fixture(params=["dataproc", "batches"])
def either(request: pytest.FixtureRequest, harness: Harness) -> Harness:
    """The test runs with either kind: jobs on a cluster, and serverless batches."""
    harness.kind = request.param
    return harness


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with services.mongod(tmp_path_factory.mktemp("mongod")) as server:
        yield server


@pytest.fixture(scope="session")
def empty_accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the account service's tables."""
    file = tmp_path_factory.mktemp("accounts") / "accounts.db"
    migrate(services.account_settings(file))
    return file


@pytest.fixture
async def seen(mongod: Server, empty_accounts: Path, tmp_path: Path) -> AsyncIterator[Services]:
    accounts = Path(shutil.copy(empty_accounts, tmp_path))
    async with services.running(mongod, accounts) as running:
        yield running


@pytest.fixture
def with_services(seen: Services, tmp_path: Path) -> SparkSettings:
    """Settings with which a training starts only if a test requests it."""
    return settings(tmp_path, **seen.addresses, ratings=str(tmp_path / "ratings"), training_interval_s=0)
