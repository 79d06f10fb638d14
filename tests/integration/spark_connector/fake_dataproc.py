"""A fake Dataproc: a gRPC server of JobController and BatchController, which runs submitted jobs as processes.

Its behaviour follows Google's documentation.
"""

import datetime
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import grpc
from google.cloud import dataproc_v1
from google.cloud.dataproc_v1 import Batch, Job, JobStatus
from google.cloud.dataproc_v1.services.batch_controller.transports import BatchControllerGrpcTransport
from google.cloud.dataproc_v1.services.job_controller.transports import JobControllerGrpcTransport
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from tests.integration.spark_connector.storage_emulator import Storage

JOBS = "google.cloud.dataproc.v1.JobController"
BATCHES = "google.cloud.dataproc.v1.BatchController"
OPERATIONS = "google.longrunning.Operations"
# Returns the command that runs a job: its main file, the Python files that it imports, its arguments.
Launch = Callable[[Path, Sequence[Path], Sequence[str]], Sequence[str]]


def with_python(main: Path, files: Sequence[Path], arguments: Sequence[str]) -> Sequence[str]:
    return [sys.executable, str(main), *arguments]


@dataclass
class Submitted:
    """A job or a batch, and its process on this machine."""

    message: Any
    request_id: str
    process: "subprocess.Popen[bytes] | None" = None
    cancelled: bool = False


@dataclass
class Cloud:
    """Jobs, batches and their processes, which outlive the server.

    The next calls of a method in `faults` fail with these codes; "answer lost" executes the call before it fails.
    """

    storage: Storage
    bucket: str
    folder: Path
    launch: Launch = with_python
    submitted: dict[str, Submitted] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[grpc.StatusCode | str]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    lists_lag: bool = False
    loses_results: bool = False
    port: int = 0
    _server: grpc.Server | None = None

    def start(self) -> None:
        """Starts the server, the second time with the same port."""
        self._server = grpc.server(ThreadPoolExecutor(4), options=(("grpc.so_reuseport", 0),))
        self._server.add_generic_rpc_handlers(
            (
                _service(JOBS, self, _JOB_METHODS),
                _service(BATCHES, self, _BATCH_METHODS),
                _service(OPERATIONS, self, _OPERATION_METHODS),
            )
        )
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def stop(self) -> None:
        """Stops the server; submitted jobs continue."""
        if self._server:
            self._server.stop(None).wait()

    def end(self) -> None:
        self.stop()
        for submitted in self.submitted.values():
            if submitted.process:
                submitted.process.kill()

    def job_client(self) -> dataproc_v1.JobControllerClient:
        return dataproc_v1.JobControllerClient(transport=JobControllerGrpcTransport(channel=self._channel()))

    def batch_client(self) -> dataproc_v1.BatchControllerClient:
        return dataproc_v1.BatchControllerClient(transport=BatchControllerGrpcTransport(channel=self._channel()))

    def _channel(self) -> grpc.Channel:
        return grpc.insecure_channel(f"127.0.0.1:{self.port}", options=(("grpc.max_reconnect_backoff_ms", 200),))

    @property
    def messages(self) -> list[Any]:
        return [submitted.message for submitted in self.submitted.values()]

    def state(self, submitted_id: str, state: int, details: str = "") -> None:
        """Changes the state of a job or a batch unless it has ended."""
        with self.lock:
            message = self.submitted[submitted_id].message
            if isinstance(message, Job):
                if message.status.state not in ENDED_JOB:
                    message.status_history.append(JobStatus(message.status))
                    message.status = JobStatus(state=state, details=details, state_start_time=_now())
            elif message.state not in ENDED_BATCH:
                message.state, message.state_message = Batch.State(state), details

    def yarn_progress(self, job_id: str, progress: float) -> None:
        self.submitted[job_id].message.yarn_applications = [dataproc_v1.YarnApplication(progress=progress)]

    def run(self, submitted_id: str, main: str, files: Sequence[str], arguments: Sequence[str]) -> None:
        threading.Thread(target=self._run, args=(submitted_id, main, files, arguments), daemon=True).start()

    def _run(self, submitted_id: str, main: str, files: Sequence[str], arguments: Sequence[str]) -> None:
        submitted = self.submitted[submitted_id]
        states = _STATES[type(submitted.message)]
        folder = self.folder / submitted_id
        downloaded = self.storage.download(self.bucket, folder)
        (folder / "driver.log").touch()

        def local_path(link: str) -> str:
            return re.sub("gs://", f"{folder}/", link)

        command = self.launch(
            Path(local_path(main)), [Path(local_path(file)) for file in files], list(map(local_path, arguments))
        )
        log = folder / "driver.log"
        with log.open("wb") as output, self.lock:
            if submitted.cancelled:
                return
            submitted.process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ, cwd=folder)
            self.state(submitted_id, states["running"])
        code = submitted.process.wait()
        if submitted_id not in self.submitted:
            return
        if not self.loses_results:
            self.storage.upload_new(self.bucket, folder, downloaded)
        if code:
            self.state(submitted_id, states["failed"], f"exit code {code}: {log.read_text()[-500:]}")
        else:
            self.state(submitted_id, states["done"])

    def show_log(self, submitted_id: str) -> None:
        """Uploads the driver's output so far to its log."""
        log = self.folder / submitted_id / "driver.log"
        if log.exists():
            self.storage.put(self.bucket, {f"staging/{submitted_id}/driveroutput.000000000": log})

    def driver_log(self, submitted_id: str) -> str:
        return f"gs://{self.bucket}/staging/{submitted_id}/driveroutput"

    def cancel(self, submitted_id: str) -> None:
        with self.lock:
            submitted = self.submitted[submitted_id]
            submitted.cancelled = True
            if submitted.process:
                submitted.process.kill()
            self.state(submitted_id, _STATES[type(submitted.message)]["cancelled"])

    def delete_all(self) -> None:
        """As if running jobs were deleted."""
        with self.lock:
            deleted = list(self.submitted.values())
            self.submitted.clear()
        for submitted in deleted:
            if submitted.process:
                submitted.process.kill()


ENDED_JOB = (JobStatus.State.DONE, JobStatus.State.ERROR, JobStatus.State.CANCELLED)
ENDED_BATCH = (Batch.State.SUCCEEDED, Batch.State.FAILED, Batch.State.CANCELLED)
_STATES: Mapping[type, Mapping[str, int]] = {
    Job: {
        "running": JobStatus.State.RUNNING,
        "done": JobStatus.State.DONE,
        "failed": JobStatus.State.ERROR,
        "cancelled": JobStatus.State.CANCELLED,
    },
    Batch: {
        "running": Batch.State.RUNNING,
        "done": Batch.State.SUCCEEDED,
        "failed": Batch.State.FAILED,
        "cancelled": Batch.State.CANCELLED,
    },
}


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Refused(Exception):
    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def _get(cloud: Cloud, submitted_id: str) -> Submitted:
    if submitted_id not in cloud.submitted:
        raise Refused(grpc.StatusCode.NOT_FOUND, f"Not found: {submitted_id}")
    return cloud.submitted[submitted_id]


def _add(cloud: Cloud, submitted_id: str, message: Any, request_id: str) -> Submitted:
    """A repeated request starts nothing new; another request must not have the same id."""
    for submitted in cloud.submitted.values():
        if request_id and submitted.request_id == request_id:
            return submitted
    if submitted_id in cloud.submitted:
        raise Refused(grpc.StatusCode.ALREADY_EXISTS, f"Already exists: {submitted_id}")
    cloud.submitted[submitted_id] = Submitted(message, request_id)
    if isinstance(message, Job):
        run: Any = message.pyspark_job
    else:
        run = message.pyspark_batch
    cloud.run(submitted_id, run.main_python_file_uri, run.python_file_uris, run.args)
    return cloud.submitted[submitted_id]


def _submit_job(cloud: Cloud, request: dataproc_v1.SubmitJobRequest) -> Job:
    job = request.job
    if job.placement.cluster_name == "no-such-cluster":
        raise Refused(grpc.StatusCode.NOT_FOUND, "Not found: cluster no-such-cluster in project secret-project")
    job.status = JobStatus(state=JobStatus.State.PENDING, state_start_time=_now())
    job.driver_output_resource_uri = cloud.driver_log(job.reference.job_id)
    message: Job = _add(cloud, job.reference.job_id, job, request.request_id).message
    return message


def _get_job(cloud: Cloud, request: dataproc_v1.GetJobRequest) -> Job:
    job: Job = _get(cloud, request.job_id).message
    cloud.show_log(request.job_id)
    return job


def _with_label(cloud: Cloud, kind: Any, condition: str) -> list[Any]:
    matched = re.fullmatch(r"labels\.(\S+?) ?= ?(\S+)", condition)
    assert matched, condition
    if cloud.lists_lag:
        return []
    return [run for run in cloud.messages if isinstance(run, kind) and run.labels.get(matched[1]) == matched[2]]


def _list_jobs(cloud: Cloud, request: dataproc_v1.ListJobsRequest) -> dataproc_v1.ListJobsResponse:
    return dataproc_v1.ListJobsResponse(jobs=_with_label(cloud, Job, request.filter))


def _cancel_job(cloud: Cloud, request: dataproc_v1.CancelJobRequest) -> Job:
    cloud.cancel(request.job_id)
    return _get_job(cloud, dataproc_v1.GetJobRequest(job_id=request.job_id))


def _create_batch(cloud: Cloud, request: dataproc_v1.CreateBatchRequest) -> operations_pb2.Operation:
    batch = request.batch
    batch.name = f"{request.parent}/batches/{request.batch_id}"
    batch.operation = f"operations/{request.batch_id}"
    batch.state = cast(Batch.State, Batch.State.PENDING)
    batch.create_time = cast(Any, _now())  # proto-plus takes datetimes
    batch.runtime_info = dataproc_v1.RuntimeInfo(output_uri=cloud.driver_log(request.batch_id))
    return operations_pb2.Operation(name=_add(cloud, request.batch_id, batch, request.request_id).message.operation)


def _get_batch(cloud: Cloud, request: dataproc_v1.GetBatchRequest) -> Batch:
    batch_id = request.name.rpartition("/")[2]
    batch: Batch = _get(cloud, batch_id).message
    cloud.show_log(batch_id)
    return batch


def _list_batches(cloud: Cloud, request: dataproc_v1.ListBatchesRequest) -> dataproc_v1.ListBatchesResponse:
    return dataproc_v1.ListBatchesResponse(batches=_with_label(cloud, Batch, request.filter))


def _cancel_operation(cloud: Cloud, request: operations_pb2.CancelOperationRequest) -> empty_pb2.Empty:
    cloud.cancel(request.name.rpartition("/")[2])
    return empty_pb2.Empty()


_Method = tuple[Callable[[Cloud, Any], Any], Callable[[bytes], Any], Callable[[Any], bytes]]
_JOB_METHODS: Mapping[str, _Method] = {
    "SubmitJob": (_submit_job, dataproc_v1.SubmitJobRequest.deserialize, Job.serialize),
    "GetJob": (_get_job, dataproc_v1.GetJobRequest.deserialize, Job.serialize),
    "ListJobs": (_list_jobs, dataproc_v1.ListJobsRequest.deserialize, dataproc_v1.ListJobsResponse.serialize),
    "CancelJob": (_cancel_job, dataproc_v1.CancelJobRequest.deserialize, Job.serialize),
}
_BATCH_METHODS: Mapping[str, _Method] = {
    "CreateBatch": (
        _create_batch,
        dataproc_v1.CreateBatchRequest.deserialize,
        operations_pb2.Operation.SerializeToString,
    ),
    "GetBatch": (_get_batch, dataproc_v1.GetBatchRequest.deserialize, Batch.serialize),
    "ListBatches": (
        _list_batches,
        dataproc_v1.ListBatchesRequest.deserialize,
        dataproc_v1.ListBatchesResponse.serialize,
    ),
}
_OPERATION_METHODS: Mapping[str, _Method] = {
    "CancelOperation": (
        _cancel_operation,
        operations_pb2.CancelOperationRequest.FromString,
        empty_pb2.Empty.SerializeToString,
    ),
}


def _service(name: str, cloud: Cloud, methods: Mapping[str, _Method]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        name,
        {
            method: grpc.unary_unary_rpc_method_handler(
                _handler(cloud, method, answer), request_deserializer=read, response_serializer=write
            )
            for method, (answer, read, write) in methods.items()
        },
    )


def _handler(cloud: Cloud, method: str, answer: Callable[[Cloud, Any], Any]) -> Callable[[Any, Any], Any]:
    def handle(request: Any, context: grpc.ServicerContext) -> Any:
        with cloud.lock:
            cloud.calls[method] += 1
            faults = cloud.faults.get(method, [])
            fault = faults.pop(0) if faults else None
            if isinstance(fault, grpc.StatusCode):
                context.abort(fault, "come back later")
            try:
                response = answer(cloud, request)
            except Refused as refused:
                context.abort(refused.code, str(refused))
            if fault == "answer lost":
                context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke")
            return response

    return handle
