"""Errors of the API, one test per kind. `problem` checks that none reveals internals."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.end_to_end.api import items, path, problem
from tests.end_to_end.suites import LocalSuite, SuiteUnderTest

pytestmark = pytest.mark.compact_too

UNKNOWN_ID = "0" * 24


# The gateway refuses the id, the library the page. Other invalid values are in tests/integration/gateway.
@pytest.mark.parametrize(("address", "field"), [("/item/BOOK/nonsense", "id"), ("/lib/100000", "page")])
def test_400_names_the_invalid_parameter(anyone: httpx.Client, address: str, field: str) -> None:
    problem(anyone.get(address), 400, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"likes": [{"type": "BOOK", "id": "f" * 24}]}, "likes.0.id"),
        ({"strategy": "taste", "exclude": [{"type": "ANIME", "id": "f" * 24}]}, "exclude.0.id"),
    ],
)
def test_400_names_the_invalid_field_of_the_body(anyone: httpx.Client, body: object, field: str) -> None:
    problem(anyone.post("/suggest", json=body), 400, field)


def test_400_an_invalid_item_is_not_stored(admin: httpx.Client) -> None:
    before = admin.get("/lib/1").json()["total"]
    problem(admin.post("/item", json={"type": "BOOK", "name": "Invalid", "rating": 11}), 400, "rating")
    assert admin.get("/lib/1").json()["total"] == before


def test_401_names_the_authentication_scheme(anyone: httpx.Client) -> None:
    answer = anyone.get("/user")
    problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_401_for_a_forged_token(suite: SuiteUnderTest) -> None:
    header, payload, signature = suite.token("ana").split(".")
    forged = ".".join((header, payload, signature[::-1]))
    answer = httpx.get(f"{suite.url}/user", headers={"Authorization": f"Bearer {forged}"})
    problem(answer, 401)
    assert "invalid_token" in answer.headers["www-authenticate"]


def test_403_names_the_missing_permission(ana: httpx.Client) -> None:
    answer = ana.post("/item", json={"type": "BOOK", "name": "Invalid"})
    problem(answer, 403)
    assert "write:item" in answer.headers["www-authenticate"]


def test_404_for_an_unknown_item(ana: httpx.Client) -> None:
    problem(ana.get(f"/item/BOOK/{UNKNOWN_ID}"), 404)
    problem(ana.put(f"/item/BOOK/{UNKNOWN_ID}/seen"), 404)


def test_404_for_an_unknown_path(anyone: httpx.Client) -> None:
    problem(anyone.get("/nowhere"), 404)


def test_405_lists_the_allowed_methods(anyone: httpx.Client) -> None:
    answer = anyone.patch("/user")
    problem(answer, 405)
    assert "GET" in answer.headers["allow"]


def test_409_for_a_second_account(ana: httpx.Client) -> None:
    assert ana.post("/user", json={"username": "ana"}).status_code == 201
    problem(ana.post("/user", json={"username": "ana2"}), 409)


def test_413_for_a_body_of_a_megabyte(ana: httpx.Client) -> None:
    problem(ana.post("/user", json={"username": "a" * 1_000_000}), 413, "body")


def test_415_for_a_body_that_is_not_json(ana: httpx.Client) -> None:
    problem(ana.post("/user", data={"username": "ana"}), 415, "Content-Type")


def test_400_for_truncated_json(ana: httpx.Client) -> None:
    answer = ana.post("/user", content='{"username": ', headers={"Content-Type": "application/json"})
    problem(answer, 400, "body")


@pytest.mark.own_suite
def test_503_while_a_dataset_hangs(suite: LocalSuite, anyone: httpx.Client) -> None:
    book = items(anyone, type="BOOK", size=1)[0]
    with hanging(suite, "book"):
        answer = anyone.get(path(book))
        problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
        assert anyone.get("/lib/1?size=7").json()["missing"] == ["BOOK"]  # not cached: nobody else asks for 7


@pytest.mark.own_suite
def test_504_when_a_service_takes_too_long(suite: LocalSuite, ana: httpx.Client) -> None:
    with hanging(suite, "account"):
        answer = ana.get("/user")
    problem(answer, 504)
    assert "account" not in answer.text  # names of services are internal


@contextmanager
def hanging(suite: LocalSuite, name: str) -> Iterator[None]:
    suite.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        suite.kill(name, signal.SIGCONT)
