"""The errors that services raise. status.py carries them over gRPC; the gateway maps them to HTTP statuses."""

INTERNAL_MESSAGE = "Something went wrong inside Seen; the log entries with this request's id tell more."


class SeenError(Exception):
    """An error that is reported to the caller. `message` is shown to users.

    If a field is invalid, `field` is its name in the REST API, and `reason` says what is wrong with it.
    """

    field: str | None = None
    reason: str

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = self.reason = message
        self.field = field


class InvalidArgument(SeenError):
    """A value that cannot be accepted. The message is "field: reason"."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}", field)
        self.reason = reason


class Unauthenticated(SeenError):
    pass


class PermissionDenied(SeenError):
    pass


class NotFound(SeenError):
    pass


class AlreadyExists(SeenError):
    pass


class Aborted(SeenError):
    """A conflict with a concurrent request; trying again may succeed."""


class ResourceExhausted(SeenError):
    """Too many requests."""


class Unavailable(SeenError):
    """A dependency does not answer. The only error after which reads are retried."""


class NoAnswer(Unavailable):
    """A service did not answer at all: it is not running, or the connection broke."""


class DeadlineExceeded(SeenError):
    pass


class Internal(SeenError):
    """A fault of another service. The message is for the log, not for users."""
