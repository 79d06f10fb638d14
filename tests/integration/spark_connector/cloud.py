"""A Google Cloud project with the sample in a bucket, and connectors that use it."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

from services.spark_connector.computations.computation import Backoff
from services.spark_connector.computations.scheduler import Scheduler
from services.spark_connector.runners.batches import Batches
from services.spark_connector.runners.cloud import CloudRunner, Cluster
from services.spark_connector.runners.dataproc import DataprocCluster
from services.spark_connector.runners.job_files import JobFiles
from services.spark_connector.settings import SparkSettings
from services.spark_connector.storage.answer_store import AnswerStore
from services.spark_connector.storage.bucket import Bucket
from services.spark_connector.storage.inputs import BucketInputs
from services.spark_connector.training.cloud_pairs import CloudPairCounter
from services.spark_connector.training.pairs import PairCounter
from tests.integration.spark_connector.connector import SAMPLE, Client, FakeJobs, connector_with, settings
from tests.integration.spark_connector.fake_dataproc import Cloud
from tests.integration.spark_connector.storage_emulator import Storage


@dataclass
class Harness:
    """Jobs run as processes on this machine; by default they are fake jobs. The connectors use `storage`."""

    cloud: Cloud
    fake_jobs: FakeJobs
    folder: Path
    kind: str = "dataproc"
    cluster: str = "seen"
    time_limit_s: float = 300
    # Failed computations are not repeated, unless a test says so.
    backoff: Backoff = field(default_factory=lambda: Backoff(600, 600))
    files: JobFiles = field(init=False)
    storage: Storage = field(init=False)

    def __post_init__(self) -> None:
        self.files = JobFiles(self.fake_jobs.programs)
        self.storage = Storage(self.cloud.storage.port)

    def bucket(self, prefix: str) -> Bucket:
        return Bucket(f"gs://{self.cloud.bucket}/{prefix}", self.storage.client)

    def connect(self) -> Cluster:
        place = {"dataproc_project": "project", "dataproc_region": "europe-west1", "dataproc_cluster": self.cluster}
        own_settings = settings(self.folder, **place)
        if self.kind == "batches":
            return Batches(self.cloud.batch_client(), own_settings)
        return DataprocCluster(self.cloud.job_client(), own_settings)

    def runner(self) -> CloudRunner:
        return CloudRunner(
            self.connect,
            self.kind,
            self.files,
            self.bucket("spark"),
            self.time_limit_s,
            lambda url: Bucket(url, self.storage.client),
            first_poll_s=0.05,
        )

    def pair_counter(self) -> CloudPairCounter:
        return CloudPairCounter(self.runner(), self.bucket("spark"))

    def connector(
        self, own_settings: SparkSettings | None = None, counter: PairCounter | None = None
    ) -> AbstractAsyncContextManager[Client]:
        """A new connector, as after a restart or in a second replica. By default, it counts pairs in the cloud."""
        store, source = AnswerStore(self.bucket("answers")), BucketInputs(self.bucket("imdb"), cache_s=0.2)
        scheduler = Scheduler(self.runner(), store, source, self.files.version, self.backoff)
        return connector_with(scheduler, counter or self.pair_counter(), own_settings or settings(self.folder))

    def touch(self, name: str) -> None:
        self.cloud.storage.put(self.cloud.bucket, {f"imdb/{name}": SAMPLE / name})
