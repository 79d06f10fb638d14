"""Error responses: application/problem+json (RFC 9457) for every error of the gateway and of the services."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.common import errors as service_errors
from services.common import tracing
from services.common.errors import INTERNAL_MESSAGE, SeenError
from services.gateway.http.responses import NO_STORE

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20  # listed in one problem

# All other errors are 500, and their messages are not for users.
HTTP_STATUS: Mapping[type[SeenError], int] = {
    service_errors.InvalidArgument: 400,
    service_errors.Unauthenticated: 401,
    service_errors.PermissionDenied: 403,
    service_errors.NotFound: 404,
    service_errors.AlreadyExists: 409,
    service_errors.Aborted: 409,
    service_errors.ResourceExhausted: 429,
    service_errors.Unavailable: 503,
    service_errors.DeadlineExceeded: 504,
}

RETRY_AFTER = {"Retry-After": "5"}  # seconds
CHALLENGE = 'Bearer realm="seen"'
# Headers that a response with this status must have.
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": CHALLENGE},
    403: {"WWW-Authenticate": CHALLENGE},
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}
_TITLE = {413: "Content Too Large"}  # RFC 9110's name; Python 3.11 has the older one
_DETAIL = {404: "this path does not exist", 405: "this path does not support this method"}


@dataclass(frozen=True)
class FieldError:
    field: str
    message: str


class Problem(HTTPException):
    """An error found by the gateway itself; `detail` is shown to users."""

    def __init__(
        self, status: int, detail: str, *, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, headers)
        self.errors = errors


def invalid(errors: Sequence[FieldError]) -> Problem:
    """400: these fields of the request are invalid."""
    listed = errors[:MAX_ERRORS]
    return Problem(400, "; ".join(f"{error.field}: {error.message}" for error in listed), errors=listed)


def unavailable(detail: str) -> Problem:
    return Problem(503, detail, headers=RETRY_AFTER)


def response(error: Exception) -> Response:
    """The response to a request whose handling raised this error."""
    problem = _problem(error)
    headers = {"Cache-Control": NO_STORE, **(problem.headers or {})}
    return Response(body(problem), problem.status_code, headers, MEDIA_TYPE)


def allow(error: HTTPException) -> Mapping[str, str]:
    """The Allow header of a 405. Paths outside the specification set none: they support GET and HEAD."""
    return {"Allow": (error.headers or {}).get("Allow", "GET, HEAD")}


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


def _problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, SeenError):
        return _from_service(error)
    if isinstance(error, HTTPException):  # 404 or 405, from the gateway or from Starlette
        status = HTTPStatus(error.status_code)
        headers = allow(error) if status == 405 else error.headers
        return Problem(status, _DETAIL.get(status, status.phrase.lower()), headers=headers)
    log.error("unexpected error", exc_info=error)
    return Problem(500, INTERNAL_MESSAGE)


def _from_service(error: SeenError) -> Problem:
    status = next((status for kind, status in HTTP_STATUS.items() if isinstance(error, kind)), 500)
    if status >= 500:
        level = logging.ERROR if status == 500 else logging.WARNING
        log.log(level, "a service failed: %s %s", type(error).__name__, error.message)
    if status == 500:
        return Problem(500, INTERNAL_MESSAGE)
    errors = [FieldError(error.field, error.reason)] if error.field else []
    return Problem(status, error.message, errors=errors, headers=_HEADERS.get(status))
