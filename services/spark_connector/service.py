"""Builds the Spark connector. Google's libraries are imported only if the settings name a bucket or a cluster."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from seen.v1 import spark_pb2, spark_pb2_grpc
from services.common.server import GrpcServer
from services.spark_connector import metrics
from services.spark_connector.computations.scheduler import Backoff, Scheduler
from services.spark_connector.queries import QUESTIONS
from services.spark_connector.runners.job import Runner
from services.spark_connector.runners.job_files import JobFiles
from services.spark_connector.runners.local import DuckDBRunner, SparkSubmitRunner
from services.spark_connector.runners.process import WorkDirs
from services.spark_connector.servicer import SparkServicer
from services.spark_connector.settings import GS, SparkSettings
from services.spark_connector.storage.answer_store import AnswerStore, BucketAnswerStore, FolderAnswerStore
from services.spark_connector.storage.inputs import BucketInputs, FolderInputs, InputSource


@contextlib.asynccontextmanager
async def build(settings: SparkSettings) -> AsyncIterator[GrpcServer]:
    metrics.create_series(question.name for question in QUESTIONS)
    files = JobFiles(settings.spark_jobs.absolute())
    store = _answer_store(settings)
    backoff = Backoff(settings.retry_first_s, settings.retry_longest_s)
    scheduler = Scheduler(_runner(settings, files), store, _input_source(settings), files.version, backoff)
    async with scheduler.running():
        yield GrpcServer(
            settings,
            spark_pb2.DESCRIPTOR.services_by_name["Spark"],
            spark_pb2_grpc.add_SparkServicer_to_server,
            SparkServicer(scheduler),
            store.ping,
        )


def _input_source(settings: SparkSettings) -> InputSource:
    if not settings.imdb_files.startswith(GS):
        sample = settings.imdb_sample and settings.imdb_sample.absolute()
        return FolderInputs(Path(settings.imdb_files).absolute(), sample)
    from services.spark_connector.storage.bucket import Bucket

    return BucketInputs(Bucket(settings.imdb_files), settings.inputs_kept_s)


def _answer_store(settings: SparkSettings) -> AnswerStore:
    if not settings.results.startswith(GS):
        return FolderAnswerStore(Path(settings.results).absolute())
    from services.spark_connector.storage.bucket import Bucket

    return BucketAnswerStore(Bucket(settings.results))


def _runner(settings: SparkSettings, files: JobFiles) -> Runner:
    work_dirs = WorkDirs(settings.work_folder.absolute(), settings.job_time_limit_s)
    if settings.spark_runner == "duckdb":
        return DuckDBRunner(files, work_dirs, settings.job_memory)
    if settings.spark_runner == "spark-submit":
        return SparkSubmitRunner(files, work_dirs, settings.job_memory)
    return _cloud_runner(settings, files)


def _cloud_runner(settings: SparkSettings, files: JobFiles) -> Runner:
    from services.spark_connector.runners import batches, dataproc
    from services.spark_connector.runners.cloud import CloudRunner, Cluster
    from services.spark_connector.storage.bucket import Bucket

    def connect() -> Cluster:
        if settings.spark_runner == "dataproc":
            return dataproc.DataprocCluster(
                dataproc.regional_client(settings.dataproc_region),
                settings.dataproc_project,
                settings.dataproc_region,
                settings.dataproc_cluster,
            )
        return batches.Batches(
            batches.regional_client(settings.dataproc_region),
            settings.dataproc_project,
            settings.dataproc_region,
            settings.dataproc_batch_version,
            settings.job_time_limit_s,
            settings.dataproc_subnet,
            settings.dataproc_service_account,
        )

    bucket = Bucket(settings.dataproc_bucket)
    return CloudRunner(connect, settings.spark_runner, files, bucket, settings.job_time_limit_s)
