import pytest

from services.common import tracing


def test_the_callers_request_id_is_kept() -> None:
    tracing.accept([("x-request-id", "abc-123")])
    assert tracing.request_id() == "abc-123"


@pytest.mark.parametrize("request_id", ["", "two words", "line\nbreak", "x" * 129, '{"a":1}'])
def test_a_request_id_that_is_unsafe_in_a_log_is_replaced(request_id: str) -> None:
    tracing.accept([("x-request-id", request_id)])
    assert tracing.request_id() not in (request_id, None)


def test_a_trace_is_created_if_the_caller_sent_none() -> None:
    tracing.accept([])
    version, trace_id, parent_id, flags = dict(tracing.propagated())["traceparent"].split("-")
    assert (version, len(trace_id), len(parent_id), flags) == ("00", 32, 16, "00")
    assert tracing.trace_id() == trace_id


def test_b3_headers_are_passed_on_and_no_second_trace_is_created() -> None:
    b3 = {"x-b3-traceid": "463ac35c9f6413ad48485a3953bb6124", "x-b3-spanid": "a2fb4a1d1a96d312", "x-b3-sampled": "1"}
    tracing.accept(b3.items())
    assert dict(tracing.propagated()).items() >= b3.items()
    assert "traceparent" not in dict(tracing.propagated())


def test_other_headers_are_not_passed_on() -> None:
    tracing.accept([("authorization", "Bearer secret"), ("cookie", "secret")])
    assert not {"authorization", "cookie"} & dict(tracing.propagated()).keys()
