"""The requests of each kind."""

import json
from collections import Counter

import httpx
import pytest

from load.benchmarks.http.requests import KINDS, MIX, NEW_MARKS, Request, Traffic
from load.locust_users.checks import WrongAnswer

TOKENS = [f"token-{number}" for number in range(500)]
ITEMS = [{"type": "BOOK", "id": f"{number:024x}", "name": "a", "category": ["Fiction"]} for number in range(100)]


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path.startswith("/lib/"):
        return httpx.Response(200, json={"items": ITEMS, "total": len(ITEMS)})
    return httpx.Response(201 if request.method == "POST" else 204)


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    client = httpx.Client(base_url="http://seen", transport=httpx.MockTransport(answer))
    return Traffic(client, "http://auth0", TOKENS)


@pytest.mark.parametrize("kind", NEW_MARKS)
def test_no_mark_is_sent_twice(traffic: Traffic, kind: str) -> None:
    sent = [*traffic.make(kind, 5_000), *traffic.make(kind, 5_000)]
    assert len({(request.path, request.headers["Authorization"]) for request in sent}) == 10_000


def test_the_mix_has_equal_parts_of_all_kinds(traffic: Traffic) -> None:
    counts = Counter((request.method, request.path.split("/")[1]) for request in traffic.make(MIX, 80))
    assert counts == {
        ("GET", "item"): 10,
        ("GET", "lib"): 10,
        ("GET", "getTopTen"): 10,
        ("POST", "suggest"): 10,
        ("GET", "user"): 20,  # search, and login or logout
        ("PUT", "item"): 20,  # like and seen
    }
    assert len(KINDS) == 8


def test_a_request_has_the_length_of_its_body() -> None:
    request = Request("POST", "/suggest", 200, lambda _: None, {"Authorization": "Bearer x"}, json.dumps({"amount": 5}))
    head, body = request.raw("localhost:8080").split("\r\n\r\n")
    assert head.splitlines()[0] == "POST /suggest HTTP/1.1"
    assert f"Content-Length: {len(body)}" in head


def test_a_wrong_status_is_noticed(traffic: Traffic) -> None:
    with pytest.raises(WrongAnswer, match="204 instead of 200"):
        traffic.send(Request("GET", "/item/BOOK/1", 200, lambda _: None))
