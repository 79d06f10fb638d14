"""Builds the Spark connector. Imports Google's libraries only if the settings name a bucket or a cluster."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from seen.v1 import spark_pb2, spark_pb2_grpc
from services.common.server import GrpcServer
from services.spark_connector import clients, metrics
from services.spark_connector.computations.computation import Backoff
from services.spark_connector.computations.scheduler import Scheduler
from services.spark_connector.queries import QUESTIONS
from services.spark_connector.runners.job import Runner
from services.spark_connector.runners.job_files import JobFiles
from services.spark_connector.runners.local import DuckDBRunner, SparkSubmitRunner
from services.spark_connector.runners.process import WorkDirs
from services.spark_connector.servicer import SparkServicer
from services.spark_connector.settings import GS, SparkSettings
from services.spark_connector.storage.answer_store import AnswerStore
from services.spark_connector.storage.files import Folder, Storage
from services.spark_connector.storage.inputs import BucketInputs, FolderInputs, InputSource
from services.spark_connector.training.collector import Collector
from services.spark_connector.training.model_store import ModelStore
from services.spark_connector.training.pairs import LocalPairCounter, PairCounter
from services.spark_connector.training.program import TrainingProgram
from services.spark_connector.training.trainer import NAME, Trainer


@contextlib.asynccontextmanager
async def build(settings: SparkSettings) -> AsyncIterator[GrpcServer]:
    metrics.create_series([*(question.name for question in QUESTIONS), NAME])
    files = JobFiles(settings.spark_jobs.absolute())
    store = AnswerStore(_storage(settings.results))
    backoff = Backoff(settings.retry_first_s, settings.retry_longest_s)
    runner, counter = _runner(settings, files)
    scheduler = Scheduler(runner, store, _input_source(settings), files.version, backoff)
    async with scheduler.running(), training(settings, counter) as (trainer, models):
        yield GrpcServer(
            settings,
            spark_pb2.DESCRIPTOR.services_by_name["Spark"],
            spark_pb2_grpc.add_SparkServicer_to_server,
            SparkServicer(scheduler, trainer, models),
            store.ping,
        )


@contextlib.asynccontextmanager
async def training(settings: SparkSettings, counter: PairCounter | None) -> AsyncIterator[tuple[Trainer, ModelStore]]:
    """A running trainer and its models. `counter` counts the pairs of trainings with many marks."""
    models = ModelStore(_storage(settings.results))
    ratings = _storage(settings.ratings) if settings.ratings else None
    program = TrainingProgram(settings.job_memory_mb, settings.training_processes)
    backoff = Backoff(settings.retry_first_s, settings.retry_longest_s)
    async with clients.connect(settings.account_address, settings.catalog_addresses) as (accounts, catalogs):
        trainer = Trainer(
            models,
            Collector(accounts, catalogs, ratings),
            program,
            _work_dirs(settings),
            settings.training_interval_s,
            backoff,
            counter,
            settings.training_spark_from,
        )
        async with trainer.running():
            yield trainer, models


def _work_dirs(settings: SparkSettings) -> WorkDirs:
    return WorkDirs(settings.work_folder.absolute(), settings.job_time_limit_s)


def _storage(location: str) -> Storage:
    if not location.startswith(GS):
        return Folder(Path(location).absolute())
    from services.spark_connector.storage.bucket import Bucket

    return Bucket(location)


def _input_source(settings: SparkSettings) -> InputSource:
    storage = _storage(settings.imdb_files)
    if settings.imdb_files.startswith(GS):
        return BucketInputs(storage, settings.inputs_kept_s)
    return FolderInputs(storage, Folder(settings.imdb_sample.absolute()) if settings.imdb_sample else None)


def _runner(settings: SparkSettings, files: JobFiles) -> tuple[Runner, PairCounter | None]:
    """The runner, and the counter of pairs that uses it: None for DuckDB, which counts in the training's process."""
    if settings.spark_runner == "duckdb":
        return DuckDBRunner(files, _work_dirs(settings), settings.job_memory), None
    if settings.spark_runner == "spark-submit":
        spark = SparkSubmitRunner(files, _work_dirs(settings), settings.job_memory)
        return spark, LocalPairCounter(spark)
    from services.spark_connector.runners.batches import Batches
    from services.spark_connector.runners.cloud import CloudRunner
    from services.spark_connector.runners.dataproc import DataprocCluster
    from services.spark_connector.storage.bucket import Bucket
    from services.spark_connector.training.cloud_pairs import CloudPairCounter

    connect = DataprocCluster.connect if settings.spark_runner == "dataproc" else Batches.connect
    bucket = Bucket(settings.dataproc_bucket)
    cloud = CloudRunner(lambda: connect(settings), settings.spark_runner, files, bucket, settings.job_time_limit_s)
    return cloud, CloudPairCounter(cloud, bucket)
