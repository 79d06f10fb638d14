"""The response cache in front of the services."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import prometheus_client
import pytest
import pytest_asyncio

from seen.v1 import library_pb2
from seen.v1.types_pb2 import ANIME
from services.common.errors import InvalidArgument, NotFound, Unavailable
from services.common.logs import JsonFormatter
from tests.integration.gateway.conftest import Gateway, start, until
from tests.integration.gateway.fakes import BOOK_ID, HOBBIT, SHOW_ID, UNRATED
from tests.integration.gateway.provider import Provider

pytestmark = pytest.mark.asyncio(loop_scope="package")

BOOK, SHOW = f"/item/BOOK/{BOOK_ID}", f"/item/SHOW/{SHOW_ID}"
BOOKS, SHOWS, ALL = "/lib/1?type=BOOK", "/lib/1?type=SHOW", "/lib/1"
TOP_BOOKS, TOP_SHOWS = "/getTopTen/BOOK", "/getTopTen/SHOW"
BOOK_CATEGORIES, SHOW_CATEGORIES = "/categories/BOOK", "/categories/SHOW"
SIMILAR = f"{BOOK}/similar"
CACHED = [BOOK, SHOW, BOOKS, SHOWS, ALL, TOP_BOOKS, TOP_SHOWS, BOOK_CATEGORIES, SHOW_CATEGORIES, SIMILAR]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def caching_gateway(provider: Provider) -> AsyncIterator[Gateway]:
    async with start(provider, cache_ttl_s=60) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="package")
async def caching(caching_gateway: Gateway) -> Gateway:
    """One gateway for all these tests. Writes invalidate the entries of earlier tests."""
    caching_gateway.fakes.reset()
    for item in (BOOK, SHOW):
        await caching_gateway.as_admin("DELETE", item)
    caching_gateway.fakes.reset()
    return caching_gateway


def calls(gateway: Gateway) -> int:
    return len(gateway.fakes.calls)


async def called(gateway: Gateway, path: str, **options: Any) -> bool:
    """Whether a GET request leads to a call."""
    before = calls(gateway)
    await gateway.request("GET", path, **options)
    return calls(gateway) > before


def cached_bytes() -> float:
    return sample("http_cache_bytes")


def sample(name: str, **labels: str) -> float:
    return prometheus_client.REGISTRY.get_sample_value(name, labels) or 0


async def running_fill(gateway: Gateway, path: str) -> asyncio.Task[httpx.Response]:
    """A request that waits for its fill: the library has been called, and the call is held."""
    before = calls(gateway)
    request = asyncio.create_task(gateway.request("GET", path))
    await until(lambda: calls(gateway) > before)
    return request


async def requests_of_one_fill(gateway: Gateway, *paths: str) -> list[httpx.Response]:
    """The responses to requests that all wait for the same call of ListItems."""
    held = gateway.fakes.library.hold("ListItems")
    hits = sample("http_cache_requests_total", result="hit")
    requests = [asyncio.create_task(gateway.request("GET", path)) for path in paths]
    await until(lambda: sample("http_cache_requests_total", result="hit") == hits + len(paths) - 1)
    held.set()
    return await asyncio.gather(*requests)


@pytest.mark.parametrize("path", CACHED)
async def test_a_second_request_gets_the_same_response_without_a_call(caching: Gateway, path: str) -> None:
    first, second = await caching.request("GET", path), await caching.request("GET", path)
    assert calls(caching) == 1
    assert (second.status_code, second.content) == (200, first.content)
    different = {"date", "x-request-id"}
    assert [header for header in second.headers.items() if header[0] not in different] == [
        header for header in first.headers.items() if header[0] not in different
    ]


async def test_equivalent_queries_share_an_entry(caching: Gateway) -> None:
    for query in ("?type=BOOK&size=20", "?size=20&type=BOOK", "?type=BOOK", "?type=%42OOK"):
        await caching.request("GET", f"/lib/1{query}")
    assert calls(caching) == 1
    await caching.request("GET", "/lib/1?type=BOOK&size=21")
    assert calls(caching) == 2


@pytest.mark.parametrize("path", ["/lib/1?search=hobbit", "/user/search/an", "/bestDirector"])
async def test_other_operations_and_search_pages_are_not_cached(caching: Gateway, path: str) -> None:
    await caching.request("GET", path)
    assert await called(caching, path)


async def test_tokens_are_ignored(caching: Gateway) -> None:
    await caching.request("GET", BOOK, "not a token")
    assert (await caching.as_user("GET", BOOK)).status_code == 200
    assert calls(caching) == 1


async def test_head_is_served_from_the_entry_of_get(caching: Gateway) -> None:
    get = await caching.request("GET", BOOK)
    head = await caching.request("HEAD", BOOK)
    assert (head.status_code, head.content, calls(caching)) == (200, b"", 1)
    for header in ("content-length", "content-type", "etag"):
        assert head.headers[header] == get.headers[header]


async def test_get_is_served_from_the_entry_of_head(caching: Gateway) -> None:
    await caching.request("HEAD", BOOK)
    assert (await caching.request("GET", BOOK)).json()["name"] == "The Hobbit"
    assert calls(caching) == 1


async def test_a_cached_response_that_the_client_has_is_304(caching: Gateway) -> None:
    etag = (await caching.request("GET", BOOK)).headers["etag"]
    unchanged = await caching.request("GET", BOOK, headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", etag)
    assert (await caching.request("GET", BOOK, headers={"If-None-Match": '"other"'})).json()["name"] == "The Hobbit"
    assert calls(caching) == 1


async def test_a_304_fills_the_cache_with_the_whole_response(caching: Gateway) -> None:
    assert (await caching.request("GET", BOOK, headers={"If-None-Match": "*"})).status_code == 304
    assert (await caching.request("GET", BOOK)).json()["name"] == "The Hobbit"
    assert calls(caching) == 1


async def test_a_request_with_range_neither_fills_nor_reads_the_cache(caching: Gateway) -> None:
    assert await called(caching, BOOK, headers={"Range": "bytes=0-1"})
    assert await called(caching, BOOK)
    assert await called(caching, BOOK, headers={"Range": "bytes=0-1"})


@pytest.mark.parametrize("path", ["/lib/1?x=1", "/lib/0", "/lib/1?size=20&size=20", "/item/BOOK/x", "/getTopTen/FILM"])
async def test_a_refused_request_leaves_the_cache_as_it_is(caching: Gateway, path: str) -> None:
    before = cached_bytes()
    for _ in range(2):
        assert (await caching.request("GET", path)).status_code == 400
    assert (calls(caching), cached_bytes()) == (0, before)


@pytest.mark.parametrize("error", [NotFound("gone"), Unavailable("down"), InvalidArgument("page", "too high")])
async def test_errors_are_not_cached(caching: Gateway, error: Exception) -> None:
    caching.fakes.library.errors["ListItems"] = error  # type: ignore[assignment]
    assert (await caching.request("GET", ALL)).status_code >= 400
    caching.fakes.library.errors.clear()
    assert (await caching.request("GET", ALL)).status_code == 200


async def test_a_partial_page_is_not_cached(caching: Gateway) -> None:
    partial = library_pb2.ListLibraryResponse(items=[HOBBIT], total=42, missing=[ANIME])
    caching.fakes.library.answers["ListItems"] = partial
    assert (await caching.request("GET", ALL)).json()["missing"] == ["ANIME"]
    assert await called(caching, ALL)


NEW_BOOK = {"json": {"type": "BOOK", "name": "x"}}


@pytest.mark.parametrize(
    ("method", "path", "options", "invalidated"),
    [
        ("POST", "/item", NEW_BOOK, {BOOK, BOOKS, ALL, TOP_BOOKS, BOOK_CATEGORIES, SIMILAR}),
        ("DELETE", BOOK, {}, {BOOK, BOOKS, ALL, TOP_BOOKS, BOOK_CATEGORIES, SIMILAR}),
        ("DELETE", SHOW, {}, {SHOW, SHOWS, ALL, TOP_SHOWS, SHOW_CATEGORIES, SIMILAR}),  # similar items are of all types
        ("PUT", f"{BOOK}/like", {}, {TOP_BOOKS}),
        ("DELETE", f"{BOOK}/like", {}, {TOP_BOOKS}),
        ("PUT", f"{BOOK}/seen", {}, set()),
        ("DELETE", "/user", {}, {TOP_BOOKS, TOP_SHOWS}),
    ],
)
async def test_a_write_invalidates_at_once_what_it_changes(
    caching: Gateway, method: str, path: str, options: dict[str, object], invalidated: set[str]
) -> None:
    for cached in CACHED:
        await caching.request("GET", cached)
    assert (await caching.as_admin(method, path, **options)).is_success
    assert {cached for cached in CACHED if await called(caching, cached)} == invalidated


async def test_a_failed_write_invalidates_too(caching: Gateway) -> None:
    await caching.request("GET", BOOK)
    caching.fakes.library.errors["DeleteItem"] = Unavailable("after the item was deleted")
    assert (await caching.as_admin("DELETE", BOOK)).status_code == 503
    assert await called(caching, BOOK)


async def test_a_response_read_before_a_write_is_returned_but_not_cached(caching: Gateway) -> None:
    held = caching.fakes.library.hold("GetItem")
    before_write = await running_fill(caching, BOOK)
    await caching.as_admin("DELETE", BOOK)
    held.set()
    assert (await before_write).status_code == 200
    assert await called(caching, BOOK)


async def test_a_request_after_a_write_does_not_wait_for_an_earlier_fill(caching: Gateway) -> None:
    held = caching.fakes.library.hold("GetItem")
    before_write = await running_fill(caching, BOOK)
    await caching.as_admin("DELETE", BOOK)
    caching.fakes.library.held.clear()
    caching.fakes.library.errors["GetItem"] = NotFound("gone")
    assert (await caching.request("GET", BOOK)).status_code == 404
    held.set()
    await before_write


async def test_simultaneous_requests_share_one_call(caching: Gateway) -> None:
    responses = await requests_of_one_fill(caching, ALL, "/lib/1?size=20", ALL)
    assert len({response.content for response in responses}) == 1
    assert len({response.headers["x-request-id"] for response in responses}) == 3
    assert calls(caching) == 1


async def test_a_failed_call_fails_all_requests_that_wait_for_it(caching: Gateway) -> None:
    caching.fakes.library.errors["ListItems"] = NotFound("nothing")
    responses = await requests_of_one_fill(caching, ALL, ALL, ALL)
    assert [response.status_code for response in responses] == [404] * 3
    assert calls(caching) == 1


async def test_a_slow_fill_does_not_delay_other_responses(caching: Gateway) -> None:
    held = caching.fakes.library.hold("GetItem")
    slow = await running_fill(caching, BOOK)
    assert (await caching.request("GET", ALL)).status_code == 200
    assert not slow.done()
    held.set()
    await slow


async def test_a_time_to_live_of_0_switches_the_cache_off(gateway: Gateway) -> None:
    assert await called(gateway, BOOK)
    assert await called(gateway, BOOK)


async def test_cached_responses_have_ids_security_headers_and_cors(caching: Gateway) -> None:
    await caching.request("GET", BOOK)
    headers = (
        await caching.request("GET", BOOK, headers={"X-Request-Id": "a", "Origin": "https://app.example"})
    ).headers
    assert headers["x-request-id"] == "a"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in (await caching.request("GET", BOOK)).headers


# A request through a proxy is answered in a task, a request with a Content-Length takes the full path.
@pytest.mark.parametrize("more_headers", [{"X-Forwarded-For": "192.0.2.1"}, {"Content-Length": "0"}])
@pytest.mark.parametrize("tag", [None, "*"])
async def test_the_fast_path_gives_the_same_response(
    caching: Gateway, more_headers: dict[str, str], tag: str | None
) -> None:
    headers = {"X-Request-Id": "same"} | ({"If-None-Match": tag} if tag else {})
    await caching.request("GET", BOOK)
    fast = await caching.request("GET", BOOK, headers=headers)
    full = await caching.request("GET", BOOK, headers=headers | more_headers)
    assert (fast.status_code, fast.content) == (full.status_code, full.content)
    assert sorted(header for header in fast.headers.multi_items() if header[0] != "date") == sorted(
        header for header in full.headers.multi_items() if header[0] != "date"
    )


async def test_cached_responses_to_pipelined_requests_keep_their_order(caching: Gateway) -> None:
    for path in (BOOK, SHOW):
        await caching.request("GET", path)
    uncached = f"{BOOKS}&search=the"
    paths = [BOOK, uncached, SHOW, BOOK]
    url = httpx.URL(caching.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: {n}\r\n\r\n" for n, path in enumerate(paths)).encode()
    )
    received: list[str] = []
    while len(received) < len(paths):
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode().lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        await reader.readexactly(int(fields["content-length"]))
        received.append(fields["x-request-id"])
    writer.close()
    assert received == [str(n) for n in range(len(paths))]


async def test_cached_responses_are_counted_and_logged(caching: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "access")
    caplog.handler.setFormatter(JsonFormatter())
    answered = {"method": "GET", "route": "/item/{type}/{id}", "status": "200"}
    requests, hits, misses = (
        sample("http_requests_total", **answered),
        sample("http_cache_requests_total", result="hit"),
        sample("http_cache_requests_total", result="miss"),
    )
    for request_id in ("first", "second"):
        await caching.request("GET", BOOK, headers={"X-Request-Id": request_id})
    assert sample("http_requests_total", **answered) == requests + 2
    assert sample("http_cache_requests_total", result="hit") == hits + 1
    assert sample("http_cache_requests_total", result="miss") == misses + 1
    lines = [json.loads(line) for line in caplog.text.splitlines()]
    assert [(line["request_id"], line["route"], line["status"]) for line in lines] == [
        (request_id, answered["route"], 200) for request_id in ("first", "second")
    ]


async def test_a_fill_passes_on_the_ids_of_the_request_that_started_it(caching: Gateway) -> None:
    await caching.request("GET", BOOK, headers={"X-Request-Id": "first"})
    assert caching.fakes.library.metadata["x-request-id"] == "first"


async def test_an_entry_keeps_the_item_it_was_made_from(caching: Gateway) -> None:
    await caching.request("GET", BOOK)
    caching.fakes.library.answers["GetItem"] = UNRATED
    assert (await caching.request("GET", BOOK)).json()["name"] == "The Hobbit"
