"""Errors as gRPC statuses, and back. The only module, with clients.py and server.py, that reads gRPC status codes.

A status that a service of Seen reports has google.rpc.Status in its trailing metadata, with ErrorInfo, and BadRequest
for the invalid field: https://google.aip.dev/193
"""

import grpc
from google.rpc import error_details_pb2, status_pb2

from services.common.errors import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    NoAnswer,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    SeenError,
    Unauthenticated,
    Unavailable,
)

Metadata = tuple[tuple[str, str | bytes], ...]

CODES: dict[type[SeenError], grpc.StatusCode] = {
    InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    Aborted: grpc.StatusCode.ABORTED,
    ResourceExhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
}
_ERRORS = {code: error for error, code in CODES.items()}

_DETAILS_KEY = "grpc-status-details-bin"
TIMED_OUT = "this took too long"
_NO_ANSWER = "a service that this needs does not answer; try again later"


def code_of(error: SeenError) -> grpc.StatusCode | None:
    """None for Internal, whose message is not sent to callers."""
    return next((code for kind, code in CODES.items() if isinstance(error, kind)), None)


def trailing_metadata(error: SeenError, code: grpc.StatusCode) -> Metadata:
    """google.rpc.Status for the error."""
    status = status_pb2.Status(code=code.value[0], message=error.message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=_ERRORS[code].__name__, domain="seen.v1"))
    if error.field is not None:
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.reason)
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    return ((_DETAILS_KEY, status.SerializeToString()),)


def error_from(failure: grpc.aio.AioRpcError) -> SeenError:
    """The error that a failed call raises at the client."""
    code = failure.code()
    kind = _ERRORS.get(code)
    if kind is None:
        return Internal(f"{code.name}: {failure.details()}")
    status = _rich_status(failure)
    if status is None:
        # From gRPC itself or a proxy. Its text may hold addresses.
        if kind is DeadlineExceeded:
            return DeadlineExceeded(TIMED_OUT)
        return _restored(NoAnswer if kind is Unavailable else kind, _NO_ANSWER, None, _NO_ANSWER)
    for detail in status.details:
        bad_request = error_details_pb2.BadRequest()
        if detail.Unpack(bad_request) and bad_request.field_violations:
            violation = bad_request.field_violations[0]
            return _restored(kind, status.message, violation.field, violation.description)
    return _restored(kind, status.message, None, status.message)


def _restored(kind: type[SeenError], message: str, field: str | None, reason: str) -> SeenError:
    """Bypasses the constructors, which differ and would prefix the message with the field again."""
    error = kind.__new__(kind)
    SeenError.__init__(error, message, field)
    error.reason = reason
    return error


def _rich_status(failure: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    for key, value in failure.trailing_metadata():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            return status_pb2.Status.FromString(value)
    return None
