"""Invalid requests are refused with the name of the field, before any service is called."""

import gzip
import json
from typing import Any

import pytest

from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.fakes import BOOK_ID

pytestmark = pytest.mark.asyncio(loop_scope="package")

PATHS = [
    ("/item/MOVIE/606e2683b3fff1da8a207ae9", "type"),
    ("/item/book/606e2683b3fff1da8a207ae9", "type"),
    ("/item/ITEM_TYPE_UNSPECIFIED/606e2683b3fff1da8a207ae9", "type"),
    ("/item/1/606e2683b3fff1da8a207ae9", "type"),
    ("/item/BOOK/1", "id"),
    ("/item/BOOK/606e2683b3fff1da8a207aeZ", "id"),
    ("/item/BOOK/606e2683b3fff1da8a207ae9%0A", "path"),
    ("/item/BOOK/606e2683b3fff1da8a207ae9%0D", "id"),
    ("/item/BOOK/606E2683B3FFF1DA8A207AE9", "id"),
    ("/item/BOOK/%00", "id"),
    ("/item/BOOK/%ff%fe", "id"),
    ("/item/BOOK/" + "a" * 5000, "id"),
    ("/item/BOOK/..%5c", "id"),
    ("/item/BOOK/..%2f..%2f", None),
    (f"/item/BOOK/{BOOK_ID}/similar?limit=0", "limit"),
    (f"/item/BOOK/{BOOK_ID}/similar?limit=101", "limit"),
    ("/item/BOOK/1/similar", "id"),
    ("/getTopTen/", None),
    ("/getTopTen/FILM", "type"),
    ("/categories/", None),
    ("/categories/FILM", "type"),
    ("/lib/abc", "page"),
    ("/lib/0", "page"),
    ("/lib/-1", "page"),
    ("/lib/" + "9" * 30, "page"),
    (f"/lib/{2**53 + 1}", "page"),
    ("/lib/1?size=0", "size"),
    ("/lib/1?size=101", "size"),
    ("/lib/1?size=ten", "size"),
    ("/lib/1?size=", "size"),
    ("/lib/1?size=5&size=6", "size"),
    ("/lib/1?type=FILM", "type"),
    ("/lib/1?type=", "type"),
    ("/lib/1?category=", "category"),
    ("/lib/1?category=a%00b", "category"),
    ("/lib/1?category=a%0Ab", "category"),
    ("/lib/1?category=" + "x" * 101, "category"),
    ("/lib/1?search=", "search"),
    ("/lib/1?search=" + "x" * 201, "search"),
    ("/lib/1?search=%ff", "query"),
    ("/lib/1?search=%ed%a0%80", "query"),
    ("/lib/1?serach=hobbit", "serach"),
    ("/lib/1?%00=1", "?"),
    ("/lib/1?" + "&".join(f"a{n}=1" for n in range(60)), "query"),
    ("/user/search/%00", "username"),
    ("/user/search/a%20b", "username"),
    ("/user/search/" + "a" * 41, "username"),
    ("/user/login?next=https://evil.example", "next"),
    ("/bestDirector?minFilms=0", "minFilms"),
    ("/bestDirector?minVotes=1000000000000", "minVotes"),
    ("/bestDirector?minFilms=true", "minFilms"),
    ("/moreConnected?minFilms=1", "minFilms"),
]


@pytest.mark.parametrize(("path", "field"), PATHS, ids=lambda value: str(value)[:50])
async def test_an_invalid_parameter_is_named(gateway: Gateway, path: str, field: str | None) -> None:
    response = await gateway.request("GET", path)
    _assert_refused(gateway, response, 400 if field else 404, field)


PATHS_WITH_TOKEN = [
    ("/user/seen?size=0", "size"),
    ("/user/liked?cursor=", "cursor"),
    ("/user/seen?cursor=" + "x" * 501, "cursor"),
    ("/items", "items"),
    ("/items?items=", "items.0"),
    ("/items?items=" + ",".join([f"BOOK/{BOOK_ID}"] * 101), "items"),
    ("/user/marks", "items"),
    ("/user/marks?items=", "items.0"),
    (f"/user/marks?items=BOOK/{BOOK_ID},", "items.1"),
    (f"/user/marks?items={BOOK_ID}", "items.0"),
    (f"/user/marks?items=FILM/{BOOK_ID}", "items.0"),
    (f"/user/marks?items=BOOK/{BOOK_ID}/seen", "items.0"),
    (f"/user/marks?items=BOOK/{BOOK_ID},BOOK/x", "items.1"),
    (f"/user/marks?items=BOOK/{BOOK_ID}%0A", "items.0"),
    ("/user/marks?items=" + ",".join([f"BOOK/{BOOK_ID}"] * 101), "items"),
    (f"/user/marks?items=BOOK/{BOOK_ID}&items=BOOK/{BOOK_ID}", "items"),
]


@pytest.mark.parametrize(("path", "field"), PATHS_WITH_TOKEN, ids=lambda value: str(value)[:50])
async def test_an_invalid_parameter_of_a_request_with_a_token_is_named(gateway: Gateway, path: str, field: str) -> None:
    _assert_refused(gateway, await gateway.as_user("GET", path), 400, field)


def item(**other: Any) -> str:
    return json.dumps({"type": "BOOK", "name": "x"} | other)


HOBBIT = {"type": "BOOK", "id": BOOK_ID}

# Path, body, field.
BODIES: list[tuple[str, str | bytes, str]] = [
    ("/item", "", "body"),
    ("/item", "{", "body"),
    ("/item", "null", "body"),
    ("/item", "[]", "body"),
    ("/item", '"x"', "body"),
    ("/item", "7", "body"),
    ("/item", "\ufeff{}", "body"),
    ("/item", b"\xff\xfe{}", "body"),
    ("/item", b'{"type": "BOOK", "name": "\xff"}', "body"),
    ("/item", '{"type": "BOOK", "name": "x", "rating": NaN}', "body"),
    ("/item", '{"type": "BOOK", "name": "x", "rating": -Infinity}', "body"),
    ("/item", '{"type": "BOOK", "name": "x", "rating": 1e999}', "rating"),
    ("/item", '{"type": "BOOK", "name": "x", "year": ' + "9" * 5000 + "}", "body"),
    ("/item", '{"type": "BOOK", "name": "x", "name": "y"}', "name"),
    ("/item", "[" * 20_000, "body"),
    ("/item", '{"a":' * 9_000, "body"),
    ("/item", '{"type": "BOOK", "name": ' + '{"a": ' * 500 + "1" + "}" * 501, "name"),
    ("/item", "{}", "type"),
    ("/item", '{"type": "BOOK"}', "name"),
    ("/item", item(type="FILM"), "type"),
    ("/item", item(type=1), "type"),
    ("/item", item(type=None), "type"),
    ("/item", item(id=BOOK_ID), "id"),
    ("/item", item(naem="x"), "naem"),
    ("/item", item(**{"a\u0000": 1}), "a?"),
    ("/item", item(name=""), "name"),
    ("/item", item(name="x" * 501), "name"),
    ("/item", item(name="a\u0000b"), "name"),
    ("/item", item(name="a\nb"), "name"),
    ("/item", '{"type": "BOOK", "name": "\\ud800"}', "name"),
    ("/item", item(category="Fantasy"), "category"),
    ("/item", item(themes=["Fantasy"]), "themes"),
    ("/item", item(category=["x"] * 2), "category"),
    ("/item", item(category=[str(n) for n in range(1000)]), "category"),
    ("/item", item(category=[{}] * 10_000), "category"),
    ("/item", item(category=[""]), "category.0"),
    ("/item", item(category=["a", "b\u0007"]), "category.1"),
    ("/item", item(category=["x" * 101]), "category.0"),
    ("/item", item(category=[None]), "category.0"),
    ("/item", item(rating=-0.1), "rating"),
    ("/item", item(rating=10.1), "rating"),
    ("/item", item(rating="7"), "rating"),
    ("/item", item(rating=True), "rating"),
    ("/item", item(description="x" * 20_001), "description"),
    ("/item", item(description="a\u0000b"), "description"),
    ("/item", item(imageUrl="ftp://images.example/1.jpg"), "imageUrl"),
    ("/item", item(imageUrl="javascript:alert(1)"), "imageUrl"),
    ("/item", item(imageUrl="http://"), "imageUrl"),
    ("/item", item(imageUrl="https://images.example/a b"), "imageUrl"),
    ("/item", item(imageUrl='https://x"><script>'), "imageUrl"),
    ("/item", item(imageUrl="https://images.example/" + "x" * 2000), "imageUrl"),
    ("/item", item(year=3001), "year"),
    ("/item", item(year=1999.5), "year"),
    ("/item", item(year=2**70), "year"),
    ("/item", item(kind=""), "kind"),
    ("/item", item(sourceId="x" * 101), "sourceId"),
    ("/suggest", '{"amount": 0}', "amount"),
    ("/suggest", '{"amount": 101}', "amount"),
    ("/suggest", '{"types": []}', "types"),
    ("/suggest", '{"types": "BOOK"}', "types"),
    ("/suggest", '{"types": ["BOOK", "BOOK"]}', "types"),
    ("/suggest", '{"types": ["FILM"]}', "types.0"),
    ("/suggest", '{"types": ["ITEM_TYPE_UNSPECIFIED"]}', "types.0"),
    ("/suggest", '{"Amount": 3}', "Amount"),
    ("/suggest", '{"strategy": "magic"}', "strategy"),
    ("/suggest", '{"strategy": "TASTE"}', "strategy"),
    ("/suggest", '{"strategy": null}', "strategy"),
    ("/suggest", '{"seed": -1}', "seed"),
    ("/suggest", '{"seed": 4294967296}', "seed"),
    ("/suggest", '{"exclude": {}}', "exclude"),
    ("/suggest", json.dumps({"exclude": [HOBBIT] * 201}), "exclude"),
    ("/suggest", json.dumps({"likes": [HOBBIT] * 51}), "likes"),
    ("/suggest", json.dumps({"likes": [HOBBIT, HOBBIT | {"id": "1"}]}), "likes.1.id"),
    ("/suggest", json.dumps({"likes": [HOBBIT | {"type": "FILM"}]}), "likes.0.type"),
    ("/suggest", json.dumps({"likes": [{"id": BOOK_ID}]}), "likes.0.type"),
    ("/suggest", json.dumps({"exclude": [HOBBIT, {"type": "BOOK"}]}), "exclude.1.id"),
    ("/suggest", json.dumps({"exclude": [HOBBIT | {"name": "x"}]}), "exclude.0.name"),
    ("/suggest", json.dumps({"exclude": [f"BOOK/{BOOK_ID}"]}), "exclude.0"),
    ("/user", "{}", "username"),
    ("/user", '{"username": ""}', "username"),
    ("/user", '{"username": null}', "username"),
    ("/user", '{"username": " "}', "username"),
    ("/user", '{"username": "a b"}', "username"),
    ("/user", '{"username": "a\\u00a0b"}', "username"),
    ("/user", '{"username": "<script>"}', "username"),
    ("/user", '{"username": "' + "x" * 41 + '"}', "username"),
    ("/user", '{"username": "' + "x" * 50_000 + '"}', "username"),
    ("/user", '{"username": "ana", "admin": true}', "admin"),
]


@pytest.mark.parametrize(("path", "body", "field"), BODIES, ids=lambda value: str(value)[:60])
async def test_an_invalid_field_of_the_body_is_named(
    gateway: Gateway, path: str, body: str | bytes, field: str
) -> None:
    headers = {"Content-Type": "application/json"}
    content = body.encode() if isinstance(body, str) else body
    response = await gateway.as_admin("POST", path, content=content, headers=headers)
    _assert_refused(gateway, response, 400, field)


async def test_all_invalid_fields_are_named(gateway: Gateway) -> None:
    response = await gateway.as_admin("POST", "/item", content=item(rating=11, year=-3001, x=1))
    assert {error["field"] for error in response.json()["errors"]} == {"rating", "year", "x"}


async def test_values_are_not_repeated_in_the_response(gateway: Gateway) -> None:
    response = await gateway.as_admin("POST", "/item", content=item(name="y" * 5000, **{"z" * 5000: 1}))
    assert len(response.content) < 1000


async def test_the_number_of_listed_errors_is_limited(gateway: Gateway) -> None:
    response = await gateway.as_admin("POST", "/item", content=item(**{f"x{n}": n for n in range(1000)}))
    assert len(response.json()["errors"]) == 20


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"Content-Type": "text/plain"}, "Content-Type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "Content-Type"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "Content-Type"),
        ({"Content-Type": "application/problem+json"}, "Content-Type"),
        ({"Content-Type": "nonsense"}, "Content-Type"),
        ({"Content-Type": "application/json; charset=latin-1"}, "Content-Type"),
        ({"Content-Type": "application/json; charset=utf-16"}, "Content-Type"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "Content-Encoding"),
        ({"Content-Type": "application/json", "Content-Encoding": "br"}, "Content-Encoding"),
    ],
    ids=str,
)
async def test_an_unsupported_media_type_is_415(gateway: Gateway, headers: dict[str, str], field: str) -> None:
    content = gzip.compress(b"{}") if headers.get("Content-Encoding") == "gzip" else b"{}"
    response = await gateway.request("POST", "/suggest", content=content, headers=headers)
    _assert_refused(gateway, response, 415, field)


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"', None]
)
async def test_equivalent_content_types_are_accepted(gateway: Gateway, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    response = await gateway.request("POST", "/suggest", content=b'{"amount": 3}', headers=headers)
    assert response.status_code == 200


async def test_a_body_with_a_too_large_content_length_is_413(gateway: Gateway) -> None:
    body = json.dumps({"username": "x" * 1_000_000})
    _assert_refused(gateway, await gateway.as_user("POST", "/user", content=body), 413, "body")


async def test_a_chunked_body_that_becomes_too_large_is_413(gateway: Gateway) -> None:
    async def endless() -> Any:
        for _ in range(200):
            yield b" " * 1000

    _assert_refused(gateway, await gateway.as_user("POST", "/user", content=endless()), 413, "body")


async def test_unusual_unicode_text_is_accepted(gateway: Gateway) -> None:
    name = "𝔘𝔫𝔦 👩‍👩‍👧 ‮right to left é שלום"
    assert (await gateway.as_admin("POST", "/item", json={"type": "BOOK", "name": name})).status_code == 201
    assert gateway.fakes.library.calls[0][1].item.name == name


async def test_a_description_may_contain_line_breaks_and_tabs(gateway: Gateway) -> None:
    new = {"type": "BOOK", "name": "x", "description": "One.\r\n\r\n\tTwo."}
    assert (await gateway.as_admin("POST", "/item", json=new)).status_code == 201


def _assert_refused(gateway: Gateway, response: Any, status: int, field: str | None) -> None:
    assert response.status_code == status, response.text
    if field:
        assert field in [error["field"] for error in response.json()["errors"]], response.text
    assert gateway.fakes.calls == []
