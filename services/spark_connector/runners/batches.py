"""Serverless batches of Dataproc: no cluster to keep, a minute or two more to start."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from google.cloud import dataproc_v1
from google.cloud.dataproc_v1 import Batch, BatchControllerClient
from google.longrunning import operations_pb2

from services.spark_connector.patience import CALL_TIMEOUT_S
from services.spark_connector.runners.cloud import Attempt, State, Submission

_States = Batch.State
FAILED = (_States.FAILED, _States.CANCELLED, _States.CANCELLING)


@dataclass(frozen=True)
class Batches:
    """`version` is that of the runtime; `subnet` and `service_account` may be empty, for the project's default ones."""

    client: BatchControllerClient
    project: str
    region: str
    version: str
    time_limit_s: float
    subnet: str = ""
    service_account: str = ""

    def attempts(self, key: str) -> Sequence[Attempt]:
        request = dataproc_v1.ListBatchesRequest(parent=self._parent, filter=f"labels.seen-key={key}")
        return [_attempt(batch) for batch in self.client.list_batches(request, retry=None, timeout=CALL_TIMEOUT_S)]

    def submit(self, submission: Submission) -> Attempt:
        batch = Batch(
            labels={"seen-key": submission.key, "seen-question": submission.question},
            pyspark_batch=dataproc_v1.PySparkBatch(
                main_python_file_uri=submission.main,
                python_file_uris=submission.files,
                args=submission.arguments,
            ),
            runtime_config=dataproc_v1.RuntimeConfig(version=self.version),
            environment_config=dataproc_v1.EnvironmentConfig(
                execution_config=dataproc_v1.ExecutionConfig(
                    subnetwork_uri=self.subnet,
                    service_account=self.service_account,
                    # Should no connector be left that stops it.
                    ttl=datetime.timedelta(seconds=max(self.time_limit_s, 600)),
                )
            ),
        )
        # With the id of the request, one that is sent again because its answer was lost starts nothing new.
        request = dataproc_v1.CreateBatchRequest(
            parent=self._parent, batch=batch, batch_id=submission.id, request_id=submission.id
        )
        self.client.create_batch(request, retry=None, timeout=CALL_TIMEOUT_S)
        return self.look(submission.id)

    def look(self, attempt_id: str) -> Attempt:
        return _attempt(self._get(attempt_id))

    def cancel(self, attempt_id: str) -> None:
        request = operations_pb2.CancelOperationRequest(name=self._get(attempt_id).operation)
        self.client.cancel_operation(request, retry=None, timeout=CALL_TIMEOUT_S)

    def _get(self, attempt_id: str) -> Batch:
        request = dataproc_v1.GetBatchRequest(name=f"{self._parent}/batches/{attempt_id}")
        return self.client.get_batch(request, retry=None, timeout=CALL_TIMEOUT_S)

    @property
    def _parent(self) -> str:
        return f"projects/{self.project}/locations/{self.region}"


def client_of(region: str) -> BatchControllerClient:
    """A batch is known only at its region's own address."""
    return BatchControllerClient(client_options={"api_endpoint": f"{region}-dataproc.googleapis.com:443"})


def _attempt(batch: Batch) -> Attempt:
    state = State.DONE if batch.state == _States.SUCCEEDED else State.FAILED if batch.state in FAILED else State.ACTIVE
    return Attempt(
        id=batch.name.rpartition("/")[2],
        state=state,
        stage="running in the cloud" if batch.state == _States.RUNNING else "waiting for the cloud",
        progress=0.0,
        why=f"{_States(batch.state).name}: {batch.state_message}",
        driver_log=batch.runtime_info.output_uri,
        submitted_at=cast(datetime.datetime | None, batch.create_time),  #
    )
