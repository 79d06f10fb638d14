"""Where jobs run, what they read, and where their answers are kept."""

import tempfile
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from services.common.settings import GrpcSettings

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "gs://"
HERE = ("embedded", "local")


class SparkSettings(GrpcSettings):
    spark_runner: Literal["embedded", "local", "dataproc", "dataproc-batch"] = Field(
        "embedded", description="DuckDB in a child process, spark-submit on this machine, a cluster, a serverless batch"
    )
    imdb_files: str = Field(
        min_length=1, description="folder or gs:// prefix of IMDb's files: .tsv, .tsv.gz or .parquet"
    )
    imdb_sample: Path | None = Field(None, description="folder to read while SEEN_IMDB_FILES has no such file")
    inputs_kept_s: float = Field(10, ge=0, description="seconds that a list of files under a gs:// prefix is good for")
    results: str = Field(min_length=1, description="folder or gs:// prefix to keep the answers in")
    spark_jobs: Path = Field(ROOT / "spark_jobs", description="folder of the jobs' own files")
    job_folder: Path | None = Field(
        None, description="logs and scratch files of jobs that run here; by default inside SEEN_RESULTS"
    )
    job_time_limit_s: float = Field(1800, gt=0, description="seconds after which a job is stopped")
    job_memory: str = Field("4g", pattern=r"^[1-9]\d*[mg]$", description="memory of a job that runs here: 800m, 4g")
    retry_first_s: float = Field(30, gt=0, description="seconds from a failure to the next try; doubles each time")
    retry_longest_s: float = Field(3600, gt=0, description="the most that they double to")
    dataproc_project: str = Field("", validate_default=True, description="the Google Cloud project")
    dataproc_region: str = Field("", validate_default=True, description="europe-west1, for example")
    dataproc_cluster: str = Field("", validate_default=True, description="the cluster; batches need none")
    dataproc_bucket: str = Field("", validate_default=True, description="gs:// prefix for job files and results")
    dataproc_batch_version: str = Field("2.2", description="runtime version of serverless batches: one with Spark 3.5")
    dataproc_subnet: str = Field("", description="subnet of serverless batches; empty takes the project's default")
    dataproc_service_account: str = Field("", description="whom serverless batches act as; empty takes the default")

    @property
    def here(self) -> bool:
        """Whether jobs run on this machine."""
        return self.spark_runner in HERE

    @property
    def bench(self) -> Path:
        if self.job_folder:
            return self.job_folder
        return (
            Path(tempfile.gettempdir(), "seen-jobs") if self.results.startswith(BUCKET) else Path(self.results, "jobs")
        )

    @field_validator("imdb_files", "dataproc_bucket")
    @classmethod
    def _where_the_jobs_reach_it(cls, value: str, info: ValidationInfo) -> str:
        here = info.data.get("spark_runner") in HERE
        if here and value.startswith(BUCKET) and info.field_name == "imdb_files":
            raise ValueError("must be a folder where jobs run on this machine")
        if not here and not value.startswith(BUCKET):
            raise ValueError(f"must begin with {BUCKET} where jobs run in the cloud")
        return value

    @field_validator("dataproc_project", "dataproc_region", "dataproc_cluster")
    @classmethod
    def _needed_in_the_cloud(cls, value: str, info: ValidationInfo) -> str:
        runner = info.data.get("spark_runner")
        needed = runner == "dataproc" or (runner == "dataproc-batch" and info.field_name != "dataproc_cluster")
        if needed and not value:
            raise ValueError(f"must be set where SEEN_SPARK_RUNNER is {runner}")
        return value
