"""The request id and trace headers that every hop carries, so that a mesh and the logs join what belongs together."""

import re
import secrets
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from types import MappingProxyType

REQUEST_ID = "x-request-id"
# W3C Trace Context and Zipkin's B3, in one header and in several: passed on as they came.
TRACE_HEADERS = (
    "traceparent",
    "tracestate",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
)
CARRIED = frozenset((REQUEST_ID, *TRACE_HEADERS))
# An id ends up in logs and headers, so nothing else gets in. UUIDs, ULIDs and hex all fit.
_ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_ACCEPTED_TRACE = re.compile(r"[\x20-\x7e]{1,512}")

_headers: ContextVar[Mapping[str, str]] = ContextVar("trace_headers", default=MappingProxyType({}))


def accept(headers: Iterable[tuple[str, str]]) -> None:
    """Takes over what the caller sent, and makes what is missing: a request id, and a new trace."""
    carried = {name: value for name, value in headers if name in CARRIED and _ACCEPTED_TRACE.fullmatch(value)}
    if not _ACCEPTED.fullmatch(carried.get(REQUEST_ID, "")):
        carried[REQUEST_ID] = secrets.token_hex(16)
    if not carried.keys() & {"traceparent", "b3", "x-b3-traceid"}:
        # https://www.w3.org/TR/trace-context/: version, trace id, parent id, flags (not sampled).
        carried["traceparent"] = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    _headers.set(carried)


def carried() -> Mapping[str, str]:
    """The headers to send with every call made for the current request."""
    return _headers.get()


def request_id() -> str | None:
    return _headers.get().get(REQUEST_ID)


def trace_id() -> str | None:
    headers = _headers.get()
    if "traceparent" in headers:
        parts = headers["traceparent"].split("-")
        return parts[1] if len(parts) > 1 else None
    if "b3" in headers:
        return headers["b3"].split("-")[0]
    return headers.get("x-b3-traceid")
