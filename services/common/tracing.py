"""Request id and trace headers, propagated to every service so that a mesh and the logs can correlate a request."""

import re
import secrets
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from types import MappingProxyType

REQUEST_ID = "x-request-id"
# W3C Trace Context and Zipkin B3 (single and multiple headers), passed on unchanged.
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
PROPAGATED = frozenset((REQUEST_ID, *TRACE_HEADERS))
# Request ids end up in logs and headers, so only these characters are accepted. UUIDs, ULIDs and hex all fit.
_VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_VALID_VALUE = re.compile(r"[\x20-\x7e]{1,512}")

Headers = Iterable[tuple[str, str | bytes]]

_headers: ContextVar[Mapping[str, str]] = ContextVar("trace_headers", default=MappingProxyType({}))
# The same headers, as gRPC metadata.
_metadata: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("trace_metadata", default=())


def accept(headers: Headers) -> None:
    """Uses the caller's headers for the current request; creates a request id and a trace if they are missing."""
    if headers and headers is _metadata.get():
        return  # a call within the process: its task has inherited them
    accepted = {
        name: value
        for name, value in headers
        if name in PROPAGATED and isinstance(value, str) and _VALID_VALUE.fullmatch(value)
    }
    if not _VALID_REQUEST_ID.fullmatch(accepted.get(REQUEST_ID, "")):
        accepted[REQUEST_ID] = secrets.token_hex(16)
    if not accepted.keys() & {"traceparent", "b3", "x-b3-traceid"}:
        # https://www.w3.org/TR/trace-context/: version, trace id, parent id, flags (not sampled).
        accepted["traceparent"] = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    _headers.set(accepted)
    _metadata.set(tuple(accepted.items()))


def propagated() -> tuple[tuple[str, str], ...]:
    """The headers to send with each call made for the current request."""
    return _metadata.get()


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
