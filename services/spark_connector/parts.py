"""The parts that the settings ask for. Google's libraries are imported only where a bucket or a cluster is used."""

from pathlib import Path

from services.spark_connector.inputs import BucketInputs, FolderInputs, Source
from services.spark_connector.records import BucketRecords, FolderRecords, Records
from services.spark_connector.runners import Runner
from services.spark_connector.runners.child import Bench
from services.spark_connector.runners.embedded import EmbeddedRunner
from services.spark_connector.runners.program import Program
from services.spark_connector.runners.spark_submit import SparkSubmitRunner
from services.spark_connector.settings import BUCKET, SparkSettings


def source(settings: SparkSettings) -> Source:
    if not settings.imdb_files.startswith(BUCKET):
        sample = settings.imdb_sample and settings.imdb_sample.absolute()
        return FolderInputs(Path(settings.imdb_files).absolute(), sample)
    from services.spark_connector.bucket import Bucket

    return BucketInputs(Bucket(settings.imdb_files), settings.inputs_kept_s)


def records(settings: SparkSettings) -> Records:
    if not settings.results.startswith(BUCKET):
        return FolderRecords(Path(settings.results).absolute())
    from services.spark_connector.bucket import Bucket

    return BucketRecords(Bucket(settings.results))


def runner(settings: SparkSettings, program: Program) -> Runner:
    bench = Bench(settings.bench.absolute(), settings.job_time_limit_s)
    if settings.spark_runner == "embedded":
        return EmbeddedRunner(program, bench, settings.job_memory)
    if settings.spark_runner == "local":
        return SparkSubmitRunner(program, bench, settings.job_memory)
    return _cloud_runner(settings, program)


def _cloud_runner(settings: SparkSettings, program: Program) -> Runner:
    from services.spark_connector.bucket import Bucket
    from services.spark_connector.runners import batches, dataproc
    from services.spark_connector.runners.cloud import CloudRunner, Cluster

    def connect() -> Cluster:
        if settings.spark_runner == "dataproc":
            return dataproc.DataprocCluster(
                dataproc.client_of(settings.dataproc_region),
                settings.dataproc_project,
                settings.dataproc_region,
                settings.dataproc_cluster,
            )
        return batches.Batches(
            batches.client_of(settings.dataproc_region),
            settings.dataproc_project,
            settings.dataproc_region,
            settings.dataproc_batch_version,
            settings.job_time_limit_s,
            settings.dataproc_subnet,
            settings.dataproc_service_account,
        )

    bucket = Bucket(settings.dataproc_bucket)
    return CloudRunner(connect, settings.spark_runner, program, bucket, settings.job_time_limit_s)
