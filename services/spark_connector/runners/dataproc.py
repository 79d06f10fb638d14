"""Jobs on a Dataproc cluster."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, cast

from google.cloud import dataproc_v1
from google.cloud.dataproc_v1 import Job, JobControllerClient, JobStatus

from services.spark_connector.google_retry import ONE_ATTEMPT
from services.spark_connector.runners.cloud import KEY_LABEL, Attempt, State, Submission, client_options
from services.spark_connector.settings import SparkSettings

_States = JobStatus.State
FAILED = (_States.ERROR, _States.CANCELLED, _States.CANCEL_PENDING, _States.CANCEL_STARTED)
STAGES = {
    _States.PENDING: "waiting for the cluster",
    _States.SETUP_DONE: "waiting for the cluster",
    _States.ATTEMPT_FAILURE: "restarting after a failure",
}
RUNNING_STAGE = "running on the cluster"


@dataclass(frozen=True)
class DataprocCluster:
    client: JobControllerClient
    settings: SparkSettings

    @classmethod
    def connect(cls, settings: SparkSettings) -> Self:
        return cls(JobControllerClient(client_options=client_options(settings.dataproc_region)), settings)

    def list_attempts(self, key: str) -> Sequence[Attempt]:
        request = dataproc_v1.ListJobsRequest(**self._scope, filter=f"labels.{KEY_LABEL} = {key}")
        return [_attempt(job) for job in self.client.list_jobs(request, **ONE_ATTEMPT)]

    def submit(self, submission: Submission) -> Attempt:
        job = Job(
            reference=dataproc_v1.JobReference(project_id=self.settings.dataproc_project, job_id=submission.id),
            placement=dataproc_v1.JobPlacement(cluster_name=self.settings.dataproc_cluster),
            labels=submission.labels,
            pyspark_job=dataproc_v1.PySparkJob(
                main_python_file_uri=submission.main,
                python_file_uris=submission.files,
                args=submission.arguments,
            ),
        )
        # A repeated request with the same request_id starts nothing new.
        request = dataproc_v1.SubmitJobRequest(**self._scope, job=job, request_id=submission.id)
        return _attempt(self.client.submit_job(request, **ONE_ATTEMPT))

    def get(self, attempt_id: str) -> Attempt:
        request = dataproc_v1.GetJobRequest(**self._scope, job_id=attempt_id)
        return _attempt(self.client.get_job(request, **ONE_ATTEMPT))

    def cancel(self, attempt_id: str) -> None:
        request = dataproc_v1.CancelJobRequest(**self._scope, job_id=attempt_id)
        self.client.cancel_job(request, **ONE_ATTEMPT)

    @property
    def _scope(self) -> dict[str, str]:
        """A part of every request."""
        return {"project_id": self.settings.dataproc_project, "region": self.settings.dataproc_region}


def _attempt(job: Job) -> Attempt:
    state = job.status.state
    # proto-plus returns datetimes, although the declared type differs.
    times = [cast(datetime.datetime | None, status.state_start_time) for status in (*job.status_history, job.status)]
    return Attempt(
        id=job.reference.job_id,
        state=State.DONE if state == _States.DONE else State.FAILED if state in FAILED else State.ACTIVE,
        stage=STAGES.get(state, RUNNING_STAGE),
        progress=max((application.progress for application in job.yarn_applications), default=0.0),
        reason=f"{_States(state).name}: {job.status.details}",
        driver_log=job.driver_output_resource_uri,
        submitted_at=min((time for time in times if time), default=None),
    )
