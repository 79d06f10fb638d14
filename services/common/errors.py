"""Errors are named here once. The interceptor turns them into gRPC codes; the gateway turns codes into problems."""

import grpc
from google.rpc import error_details_pb2, status_pb2

DETAILS_KEY = "grpc-status-details-bin"  # where gRPC's richer error model puts google.rpc.Status
INTERNAL_MESSAGE = "Something went wrong inside Seen; the request id in the log says more."


class SeenError(Exception):
    """A fault that its caller is told of: the message reaches the user."""

    # The value at fault, by the name that the caller knows it by, and what is wrong with it.
    field: str | None = None
    reason: str

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = self.reason = message


class InvalidArgument(SeenError):
    """A value that cannot be accepted."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.reason = message


class NotFound(SeenError):
    pass


class AlreadyExists(SeenError):
    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Aborted(SeenError):
    """A conflict with another request that trying again may resolve."""


class PermissionDenied(SeenError):
    pass


class Unavailable(SeenError):
    """Something needed does not answer. The one error that may be retried, and only for reads."""


class DeadlineExceeded(SeenError):
    pass


GRPC_CODE: dict[type[SeenError], grpc.StatusCode] = {
    InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    Aborted: grpc.StatusCode.ABORTED,
    PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
}

# What another service says is passed on under these codes; anything else of it is our own INTERNAL.
PASSED_ON = frozenset(GRPC_CODE.values()) | {grpc.StatusCode.RESOURCE_EXHAUSTED}

Metadata = tuple[tuple[str, bytes], ...]


def details_metadata(error: SeenError) -> Metadata:
    """Trailing metadata that says which error this is (google.rpc.ErrorInfo) and which field it is in (BadRequest)."""
    status = status_pb2.Status(code=GRPC_CODE[type(error)].value[0], message=error.message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=type(error).__name__, domain="seen.v1"))
    if error.field is not None:
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.reason)
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    return ((DETAILS_KEY, status.SerializeToString()),)


def passed_on_metadata(error: grpc.aio.AioRpcError) -> Metadata:
    """What a caller of ours should see of another service's trailing metadata."""
    return tuple((DETAILS_KEY, value) for value in _details(error))


def user_message(error: grpc.aio.AioRpcError) -> str:
    """What to tell a user of another service's failure. gRPC's own words name addresses, so they stay inside."""
    if _details(error):
        return error.details() or ""
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "this took too long"
    return "a service that this needs does not answer; try again later"


def field_violations(error: grpc.aio.AioRpcError) -> list[tuple[str, str]]:
    """The (field, reason) pairs that an error of another service carries."""
    found = []
    for value in _details(error):
        for detail in status_pb2.Status.FromString(value).details:
            bad_request = error_details_pb2.BadRequest()
            if detail.Unpack(bad_request):
                found += [(violation.field, violation.description) for violation in bad_request.field_violations]
    return found


def _details(error: grpc.aio.AioRpcError) -> list[bytes]:
    return [value for key, value in error.trailing_metadata() if key == DETAILS_KEY and isinstance(value, bytes)]
