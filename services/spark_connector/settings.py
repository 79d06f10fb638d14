"""Settings: where jobs run, what they read, and where answers and the suggestion model are stored."""

import tempfile
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from services.common.addresses import CatalogAddresses
from services.common.settings import GrpcSettings

ROOT = Path(__file__).resolve().parents[2]
GS = "gs://"

LocalRunner = Literal["duckdb", "spark-submit"]
LOCAL_RUNNERS = get_args(LocalRunner)


class SparkSettings(GrpcSettings):
    account_address: str = Field(description="host:port of the account service, which may be down")
    catalog_addresses: CatalogAddresses = Field(
        description="host:port of each item type's dataset, which may be down: BOOK=host:port,SHOW=host:port,…"
    )
    spark_runner: LocalRunner | Literal["dataproc", "dataproc-batch"] = Field(
        "duckdb",
        description="runs the jobs: DuckDB in a child process, spark-submit on this machine, a Dataproc cluster, or "
        "serverless batches of Dataproc",
    )
    imdb_files: str = Field(
        min_length=1, description="folder or gs:// prefix of IMDb's files: .tsv, .tsv.gz or .parquet"
    )
    imdb_sample: Path | None = Field(None, description="folder to read while SEEN_IMDB_FILES has no IMDb file")
    inputs_kept_s: float = Field(10, ge=0, description="seconds for which a list of files under gs:// is cached")
    results: str = Field(min_length=1, description="folder or gs:// prefix for stored answers and the suggestion model")
    ratings: str = Field(
        "", description="folder or gs:// prefix of files with people's ratings, for training; empty: none"
    )
    training_interval_s: float = Field(
        3600,
        ge=0,
        description="minimum number of seconds between trainings that start because 10 % of the marks have changed; "
        "0: only administrators start a training",
    )
    training_spark_from: int = Field(
        5_000_000,
        ge=0,
        description="minimum number of marks for a training's pairs to be counted by SEEN_SPARK_RUNNER; DuckDB counts "
        "the pairs of fewer marks in the training's process",
    )
    training_processes: int = Field(2, ge=1, le=64, description="number of processes of a training")
    spark_jobs: Path = Field(ROOT / "spark_jobs", description="folder of the jobs' program files")
    job_folder: Path | None = Field(
        None, description="folder for logs and scratch files of jobs on this machine; default: jobs in SEEN_RESULTS"
    )
    job_time_limit_s: float = Field(1800, gt=0, description="seconds after which a job is stopped")
    job_memory: str = Field("4g", pattern=r"^[1-9]\d*[mg]$", description="memory of a job on this machine: 800m, 4g")
    retry_first_s: float = Field(30, gt=0, description="seconds from a failure to the next attempt; doubles each time")
    retry_longest_s: float = Field(3600, gt=0, description="maximum number of seconds between attempts")
    dataproc_project: str = Field("", validate_default=True, description="Google Cloud project")
    dataproc_region: str = Field("", validate_default=True, description="region, such as europe-west1")
    dataproc_cluster: str = Field("", validate_default=True, description="cluster; not used by serverless batches")
    dataproc_bucket: str = Field(
        "",
        validate_default=True,
        description="gs:// prefix for job files, results, and the marks and pairs of trainings",
    )
    dataproc_batch_version: str = Field("2.2", description="runtime version of serverless batches, with Spark 3.5")
    dataproc_subnet: str = Field("", description="subnet of serverless batches; empty: the project's default")
    dataproc_service_account: str = Field("", description="account of serverless batches; empty: the project's default")

    @property
    def job_memory_mb(self) -> int:
        return int(self.job_memory[:-1]) * (1024 if self.job_memory.endswith("g") else 1)

    @property
    def work_folder(self) -> Path:
        """The folder for logs and scratch files of local jobs."""
        if self.job_folder:
            return self.job_folder
        return Path(tempfile.gettempdir(), "seen-jobs") if self.results.startswith(GS) else Path(self.results, "jobs")

    @field_validator("imdb_files", "dataproc_bucket")
    @classmethod
    def _readable_by_the_jobs(cls, value: str, info: ValidationInfo) -> str:
        local = info.data.get("spark_runner") in LOCAL_RUNNERS
        if local and value.startswith(GS) and info.field_name == "imdb_files":
            raise ValueError("must be a folder if jobs run on this machine")
        if not local and not value.startswith(GS):
            raise ValueError(f"must begin with {GS} if jobs run in the cloud")
        return value

    @field_validator("dataproc_project", "dataproc_region", "dataproc_cluster")
    @classmethod
    def _required_in_the_cloud(cls, value: str, info: ValidationInfo) -> str:
        runner = info.data.get("spark_runner")
        required = runner == "dataproc" or (runner == "dataproc-batch" and info.field_name != "dataproc_cluster")
        if required and not value:
            raise ValueError(f"must be set if SEEN_SPARK_RUNNER is {runner}")
        return value
