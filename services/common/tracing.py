"""Request id and trace headers, carried over every hop so that a mesh and the logs can correlate a request."""

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
CARRIED = frozenset((REQUEST_ID, *TRACE_HEADERS))
# Request ids end up in logs and headers, so only these characters are accepted. UUIDs, ULIDs and hex all fit.
_ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_ACCEPTED_TRACE = re.compile(r"[\x20-\x7e]{1,512}")

Headers = Iterable[tuple[str, str | bytes]]

_headers: ContextVar[Mapping[str, str]] = ContextVar("trace_headers", default=MappingProxyType({}))
# The same, as they are sent.
_carried: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("carried_headers", default=())


def accept(headers: Headers) -> None:
    """Takes over the caller's headers; creates a request id and a trace if they are missing."""
    if headers and headers is _carried.get():
        return  # a call within the process: its task has inherited them
    carried = {
        name: value
        for name, value in headers
        if name in CARRIED and isinstance(value, str) and _ACCEPTED_TRACE.fullmatch(value)
    }
    if not _ACCEPTED.fullmatch(carried.get(REQUEST_ID, "")):
        carried[REQUEST_ID] = secrets.token_hex(16)
    if not carried.keys() & {"traceparent", "b3", "x-b3-traceid"}:
        # https://www.w3.org/TR/trace-context/: version, trace id, parent id, flags (not sampled).
        carried["traceparent"] = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    _headers.set(carried)
    _carried.set(tuple(carried.items()))


def carried() -> tuple[tuple[str, str], ...]:
    """The headers to send with each call made for the current request."""
    return _carried.get()


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
