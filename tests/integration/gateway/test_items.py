"""/item: items and marks."""

import pytest

from seen.v1 import library_pb2
from seen.v1.account_pb2 import LIKE, SEEN
from seen.v1.types_pb2 import BOOK, SHOW, ItemRef
from services.common.errors import AlreadyExists, InvalidArgument, NotFound, Unavailable
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.fakes import BOOK_ID, HOBBIT, UNRATED

pytestmark = pytest.mark.asyncio(loop_scope="package")

PATH = f"/item/BOOK/{BOOK_ID}"
HOBBIT_JSON = {
    "type": "BOOK",
    "id": BOOK_ID,
    "name": "The Hobbit",
    "category": ["Fantasy", "Classics"],
    "themes": ["Fantasy", "Classics"],
    "rating": 8.52,
    "description": "In a hole in the ground\nthere lived a hobbit.",
    "imageUrl": "https://images.example/books/5907.jpg",
    "sourceId": "5907",
    "votes": 2_499_623,
}


async def test_an_item_has_the_fields_that_the_library_returned(gateway: Gateway) -> None:
    response = await gateway.request("GET", PATH)
    assert response.status_code == 200
    assert response.json() == HOBBIT_JSON
    assert gateway.fakes.library.calls[0][1].item == ItemRef(type=BOOK, id=BOOK_ID)


async def test_absent_fields_of_an_item_are_omitted(gateway: Gateway) -> None:
    gateway.fakes.library.answers["GetItem"] = UNRATED
    item = (await gateway.request("GET", f"/item/SHOW/{UNRATED.id}")).json()
    assert item == {
        "type": "SHOW",
        "id": UNRATED.id,
        "name": "Shōgun",
        "category": [],
        "themes": [],
        "kind": "tvSeries",
        "year": 1980,
    }


async def test_many_items_are_returned_as_the_library_returned_them(gateway: Gateway) -> None:
    response = await gateway.request("GET", f"/items?items=SHOW/{UNRATED.id},BOOK/{BOOK_ID}")
    assert [item["name"] for item in response.json()["items"]] == ["Shōgun", "The Hobbit"]
    assert response.json()["items"][1] == HOBBIT_JSON
    assert list(gateway.fakes.library.calls[0][1].items) == [
        ItemRef(type=SHOW, id=UNRATED.id),
        ItemRef(type=BOOK, id=BOOK_ID),
    ]


async def test_many_unchanged_items_are_304(gateway: Gateway) -> None:
    path = f"/items?items=BOOK/{BOOK_ID}"
    etag = (await gateway.request("GET", path)).headers["etag"]
    assert (await gateway.request("GET", path, headers={"If-None-Match": etag})).status_code == 304


async def test_many_items_name_the_missing_dataset_and_are_not_cached(gateway: Gateway) -> None:
    partial = library_pb2.BatchGetLibraryItemsResponse(items=[HOBBIT], missing=[SHOW])
    gateway.fakes.library.answers["BatchGetItems"] = partial
    response = await gateway.request("GET", f"/items?items=SHOW/{UNRATED.id},BOOK/{BOOK_ID}")
    assert response.json()["missing"] == ["SHOW"]
    assert response.headers["cache-control"] == "no-store"


async def test_an_unknown_item_is_404(gateway: Gateway) -> None:
    gateway.fakes.library.errors["GetItem"] = NotFound("there is no such item")
    response = await gateway.request("GET", PATH)
    assert response.status_code == 404
    assert response.json()["detail"] == "there is no such item"


async def test_an_item_of_an_unavailable_dataset_is_503_with_retry_after(gateway: Gateway) -> None:
    gateway.fakes.library.errors["GetItem"] = Unavailable("the dataset BOOK does not answer")
    response = await gateway.request("GET", PATH)
    assert response.status_code == 503
    assert response.json()["detail"] == "the dataset BOOK does not answer"
    assert int(response.headers["retry-after"]) > 0


async def test_an_unchanged_item_is_304(gateway: Gateway) -> None:
    first = await gateway.request("GET", PATH)
    for if_none_match in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
        again = await gateway.request("GET", PATH, headers={"If-None-Match": if_none_match})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]


async def test_a_changed_item_is_returned_with_another_etag(gateway: Gateway) -> None:
    etag = (await gateway.request("GET", PATH)).headers["etag"]
    gateway.fakes.library.answers["GetItem"] = UNRATED
    again = await gateway.request("GET", PATH, headers={"If-None-Match": etag})
    assert again.status_code == 200
    assert again.headers["etag"] != etag


async def test_head_has_the_headers_of_get(gateway: Gateway) -> None:
    response = await gateway.request("HEAD", PATH)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == (await gateway.request("GET", PATH)).headers["content-length"]


async def test_an_administrator_adds_an_item(gateway: Gateway) -> None:
    new = {name: value for name, value in HOBBIT_JSON.items() if name not in ("id", "themes")}
    response = await gateway.as_admin("POST", "/item", json=new)
    assert response.status_code == 201
    assert response.headers["location"] == PATH
    assert response.json() == HOBBIT_JSON
    added = gateway.fakes.library.calls[0][1].item
    assert added.id == ""
    added.id = HOBBIT.id
    added.themes.extend(HOBBIT.themes)
    assert added == HOBBIT


async def test_a_new_item_needs_only_type_and_name(gateway: Gateway) -> None:
    assert (await gateway.as_admin("POST", "/item", json={"type": "BOOK", "name": "x"})).status_code == 201
    assert not gateway.fakes.library.calls[0][1].item.HasField("rating")


async def test_an_item_that_already_exists_is_409(gateway: Gateway) -> None:
    gateway.fakes.library.errors["CreateItem"] = AlreadyExists("an item with this sourceId already exists")
    response = await gateway.as_admin("POST", "/item", json={"type": "BOOK", "name": "x"})
    assert response.status_code == 409


async def test_a_field_refused_by_a_service_is_named(gateway: Gateway) -> None:
    gateway.fakes.library.errors["CreateItem"] = InvalidArgument("name", "must be in good taste")
    response = await gateway.as_admin("POST", "/item", json={"type": "BOOK", "name": "x"})
    assert response.status_code == 400
    assert response.json()["errors"] == [{"field": "name", "message": "must be in good taste"}]


async def test_an_administrator_removes_an_item(gateway: Gateway) -> None:
    assert (await gateway.as_admin("DELETE", PATH)).status_code == 204
    assert [method for method, _ in gateway.fakes.library.calls] == ["DeleteItem"]


@pytest.mark.parametrize(
    ("method", "path", "rpc", "kind"),
    [
        ("PUT", "seen", "MarkItem", SEEN),
        ("DELETE", "seen", "UnmarkItem", SEEN),
        ("PUT", "like", "MarkItem", LIKE),
        ("DELETE", "like", "UnmarkItem", LIKE),
    ],
)
async def test_marks_are_set_and_removed(gateway: Gateway, method: str, path: str, rpc: str, kind: int) -> None:
    response = await gateway.as_user(method, f"{PATH}/{path}")
    assert (response.status_code, response.content) == (204, b"")
    [(name, request)] = gateway.fakes.library.calls
    assert (name, request.subject, request.item.id, request.kind) == (rpc, "auth0|ana", BOOK_ID, kind)
