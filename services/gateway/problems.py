"""Every error leaves as application/problem+json (RFC 9457), written here."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from connexion.exceptions import ProblemException
from connexion.lifecycle import ConnexionRequest, ConnexionResponse
from starlette.exceptions import HTTPException

from services.common import tracing
from services.common.errors import (
    INTERNAL_MESSAGE,
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    SeenError,
    Unauthenticated,
    Unavailable,
)

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20  # a body of a thousand faults needs no thousand sentences

# All other errors are 500, and their messages are not for users.
HTTP_STATUS: Mapping[type[SeenError], int] = {
    InvalidArgument: 400,
    Unauthenticated: 401,
    PermissionDenied: 403,
    NotFound: 404,
    AlreadyExists: 409,
    Aborted: 409,
    ResourceExhausted: 429,
    Unavailable: 503,
    DeadlineExceeded: 504,
}

RETRY_AFTER = {"Retry-After": "5"}  # seconds
CHALLENGE = 'Bearer realm="seen"'
# What an answer of such a status owes its reader, wherever it comes from.
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": CHALLENGE},
    403: {"WWW-Authenticate": CHALLENGE},
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}

# The words of the framework's own errors are not ours to repeat.
_DETAIL = {404: "there is nothing at this address", 405: "this address does not know this method"}


@dataclass(frozen=True)
class FieldError:
    field: str
    message: str


class Problem(HTTPException):
    """An error that the gateway itself finds; `detail` reaches the user."""

    def __init__(
        self, status: int, detail: str, *, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, headers)
        self.errors = errors


def invalid(errors: Sequence[FieldError]) -> Problem:
    """What a request is told whose fields are at fault."""
    shown = errors[:MOST_ERRORS]
    return Problem(400, "; ".join(f"{error.field}: {error.message}" for error in shown), errors=shown)


def unavailable(detail: str) -> Problem:
    return Problem(503, detail, headers=RETRY_AFTER)


def from_error(error: SeenError) -> Problem:
    """The problem for an error that a service has raised."""
    status = next((status for kind, status in HTTP_STATUS.items() if isinstance(error, kind)), 500)
    if status >= 500:
        level = logging.ERROR if status == 500 else logging.WARNING
        log.log(level, "a service failed: %s %s", type(error).__name__, error.message)
    if status == 500:
        return Problem(500, INTERNAL_MESSAGE)
    errors = [FieldError(error.field, error.reason)] if error.field else []
    return Problem(status, error.message, errors=errors, headers=_HEADERS.get(status))


def from_http(error: HTTPException) -> Problem:
    """Our own, or one that connexion or starlette raised."""
    if isinstance(error, Problem):
        return error
    status = HTTPStatus(error.status_code)
    return Problem(status, _DETAIL.get(status, status.phrase.lower()), headers=error.headers)


def body(problem: Problem) -> bytes:
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLE.get(problem.status_code) or HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "detail": problem.detail,
        "requestId": tracing.request_id(),
    }
    if problem.errors:
        content["errors"] = [asdict(error) for error in problem.errors]
    return json.dumps(content).encode()


_TITLE = {413: "Content Too Large"}  # RFC 9110's name; Python 3.11 knows the older one


def handlers() -> Mapping[type[Exception], Any]:
    """What connexion calls for each kind of exception. Coroutines: it would run plain functions in a thread."""

    async def seen_error(request: ConnexionRequest, error: SeenError) -> ConnexionResponse:
        return _response(from_error(error))

    async def http_error(request: ConnexionRequest, error: HTTPException) -> ConnexionResponse:
        return _response(from_http(error))

    async def unexpected(request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        log.error("unexpected error", exc_info=error)
        return _response(Problem(500, INTERNAL_MESSAGE))

    return {
        SeenError: seen_error,
        HTTPException: http_error,
        ProblemException: http_error,  # connexion has a handler of its own for these
        Exception: unexpected,
    }


def _response(problem: Problem) -> ConnexionResponse:
    headers = {"Cache-Control": "no-store", **(problem.headers or {})}
    return ConnexionResponse(problem.status_code, mimetype=MEDIA_TYPE, body=body(problem), headers=headers)
