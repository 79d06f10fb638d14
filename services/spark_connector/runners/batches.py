"""Jobs as serverless batches of Dataproc, which need no cluster but take a minute or two longer to start."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, cast

from google.cloud import dataproc_v1
from google.cloud.dataproc_v1 import Batch, BatchControllerClient
from google.longrunning import operations_pb2

from services.spark_connector.google_retry import ONE_ATTEMPT
from services.spark_connector.runners.cloud import KEY_LABEL, Attempt, State, Submission, client_options
from services.spark_connector.settings import SparkSettings

_States = Batch.State
FAILED = (_States.FAILED, _States.CANCELLED, _States.CANCELLING)


@dataclass(frozen=True)
class Batches:
    client: BatchControllerClient
    settings: SparkSettings

    @classmethod
    def connect(cls, settings: SparkSettings) -> Self:
        return cls(BatchControllerClient(client_options=client_options(settings.dataproc_region)), settings)

    def list_attempts(self, key: str) -> Sequence[Attempt]:
        request = dataproc_v1.ListBatchesRequest(parent=self._parent, filter=f"labels.{KEY_LABEL}={key}")
        return [_attempt(batch) for batch in self.client.list_batches(request, **ONE_ATTEMPT)]

    def submit(self, submission: Submission) -> Attempt:
        batch = Batch(
            labels=submission.labels,
            pyspark_batch=dataproc_v1.PySparkBatch(
                main_python_file_uri=submission.main,
                python_file_uris=submission.files,
                args=submission.arguments,
            ),
            runtime_config=dataproc_v1.RuntimeConfig(version=self.settings.dataproc_batch_version),
            environment_config=dataproc_v1.EnvironmentConfig(
                execution_config=dataproc_v1.ExecutionConfig(
                    subnetwork_uri=self.settings.dataproc_subnet,
                    service_account=self.settings.dataproc_service_account,
                    # Ends the batch if no connector runs that could cancel it. Dataproc requires 10 minutes or more.
                    ttl=datetime.timedelta(seconds=max(self.settings.job_time_limit_s, 600)),
                )
            ),
        )
        # A repeated request with the same request_id starts nothing new.
        request = dataproc_v1.CreateBatchRequest(
            parent=self._parent, batch=batch, batch_id=submission.id, request_id=submission.id
        )
        self.client.create_batch(request, **ONE_ATTEMPT)
        return self.get(submission.id)

    def get(self, attempt_id: str) -> Attempt:
        return _attempt(self._read(attempt_id))

    def cancel(self, attempt_id: str) -> None:
        request = operations_pb2.CancelOperationRequest(name=self._read(attempt_id).operation)
        self.client.cancel_operation(request, **ONE_ATTEMPT)

    def _read(self, attempt_id: str) -> Batch:
        request = dataproc_v1.GetBatchRequest(name=f"{self._parent}/batches/{attempt_id}")
        return self.client.get_batch(request, **ONE_ATTEMPT)

    @property
    def _parent(self) -> str:
        return f"projects/{self.settings.dataproc_project}/locations/{self.settings.dataproc_region}"


def _attempt(batch: Batch) -> Attempt:
    state = State.DONE if batch.state == _States.SUCCEEDED else State.FAILED if batch.state in FAILED else State.ACTIVE
    return Attempt(
        id=batch.name.rpartition("/")[2],
        state=state,
        stage="running in the cloud" if batch.state == _States.RUNNING else "waiting for the cloud",
        progress=0.0,
        reason=f"{_States(batch.state).name}: {batch.state_message}",
        driver_log=batch.runtime_info.output_uri,
        submitted_at=cast(datetime.datetime | None, batch.create_time),
    )
