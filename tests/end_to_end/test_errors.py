"""Every kind of error once, as its caller sees it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.end_to_end.questions import items, path, problem
from tests.end_to_end.running import AnySuite, RunningSuite

NOBODYS_ID = "0" * 24


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/lib/one", "page"),
        ("/lib/0", "page"),
        ("/lib/100000", "page"),
        ("/lib/1?type=FILM", "type"),
        ("/lib/1?size=101", "size"),
        ("/item/FILM/" + NOBODYS_ID, "type"),
        ("/item/BOOK/nonsense", "id"),
        ("/getTopTen/book", "type"),
        ("/user/search/" + "a" * 41, "username"),
    ],
)
def test_400_names_the_parameter_at_fault(anyone: httpx.Client, address: str, field: str) -> None:
    problem(anyone.get(address), 400, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": 10_000}, "amount"),
        ({"types": ["FILM"]}, "types.0"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_400_names_the_member_of_the_body_at_fault(anyone: httpx.Client, body: object, field: str) -> None:
    problem(anyone.post("/suggest", json=body), 400, field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rating": 11}, "rating"),
        ({"imageUrl": "javascript:alert(1)"}, "imageUrl"),
        ({"category": [f"genre {number}" for number in range(1000)]}, "category"),
        ({"name": "\0"}, "name"),
        ({"name": None}, "name"),
    ],
)
def test_400_an_item_that_cannot_be_is_not_stored(admin: httpx.Client, change: dict[str, object], field: str) -> None:
    before = admin.get("/lib/1").json()["total"]
    problem(admin.post("/item", json={"type": "BOOK", "name": "Not to be", **change}), 400, field)
    assert admin.get("/lib/1").json()["total"] == before


def test_401_says_how_to_sign_in(anyone: httpx.Client) -> None:
    answer = anyone.get("/user")
    problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_401_for_a_token_that_somebody_changed(suite: AnySuite) -> None:
    header, payload, signature = suite.token("ana").split(".")
    forged = ".".join((header, payload, signature[::-1]))
    answer = httpx.get(f"{suite.url}/user", headers={"Authorization": f"Bearer {forged}"})
    problem(answer, 401)
    assert "invalid_token" in answer.headers["www-authenticate"]


def test_403_names_the_permission_that_is_missing(ana: httpx.Client) -> None:
    answer = ana.post("/item", json={"type": "BOOK", "name": "Not to be"})
    problem(answer, 403)
    assert "write:item" in answer.headers["www-authenticate"]


def test_404_for_an_item_that_is_not_there(ana: httpx.Client) -> None:
    problem(ana.get(f"/item/BOOK/{NOBODYS_ID}"), 404)
    problem(ana.put(f"/item/BOOK/{NOBODYS_ID}/seen"), 404)


def test_404_for_an_address_that_is_not_there(anyone: httpx.Client) -> None:
    problem(anyone.get("/nowhere"), 404)


def test_405_says_what_is_allowed(anyone: httpx.Client) -> None:
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


def test_400_for_json_that_is_cut_off(ana: httpx.Client) -> None:
    answer = ana.post("/user", content='{"username": ', headers={"Content-Type": "application/json"})
    problem(answer, 400, "body")


@pytest.mark.own_suite
def test_503_while_a_dataset_hangs(suite: RunningSuite, anyone: httpx.Client) -> None:
    book = items(anyone, type="BOOK", size=1)[0]
    with hanging(suite, "book"):
        answer = anyone.get(path(book))
        problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
        assert anyone.get("/lib/1").json()["missing"] == ["BOOK"]


@pytest.mark.own_suite
def test_504_when_a_service_takes_too_long(suite: RunningSuite, ana: httpx.Client) -> None:
    with hanging(suite, "account"):
        problem(ana.get("/user"), 504)


@contextmanager
def hanging(suite: RunningSuite, name: str) -> Iterator[None]:
    suite.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        suite.kill(name, signal.SIGCONT)


@pytest.mark.own_suite
def test_no_error_shows_the_inside_of_the_program(suite: RunningSuite, ana: httpx.Client) -> None:
    with hanging(suite, "account"):
        answers = [ana.get("/nowhere"), ana.get("/lib/x"), ana.get("/user")]
    for answer in answers:
        for secret in ("Traceback", "grpc", "127.0.0.1", "account", "services/"):
            assert secret not in answer.text
