"""/user: accounts, marks, sign-in and sign-out."""

from urllib.parse import parse_qs, urlsplit

import pytest

from seen.v1 import account_pb2, library_pb2
from seen.v1.account_pb2 import LIKE, NOT_INTERESTED, SEEN
from seen.v1.types_pb2 import BOOK, SHOW, ItemRef
from services.common.errors import AlreadyExists, InvalidArgument, NotFound
from services.gateway.handlers.users import STATE_COOKIE
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.fakes import BOOK_ID, NOON, SHOW_ID
from tests.integration.gateway.provider import AUDIENCE

pytestmark = pytest.mark.asyncio(loop_scope="package")

ANA = {"username": "ana", "createdAt": "2026-02-02T12:00:00Z", "seen": 2, "liked": 1}


async def test_an_account_is_created_for_the_subject_of_the_token(gateway: Gateway) -> None:
    response = await gateway.request("POST", "/user", gateway.provider.token(permissions=[]), json={"username": "ana"})
    assert (response.status_code, response.json(), response.headers["location"]) == (201, ANA, "/user")
    assert gateway.fakes.account.calls == [
        ("CreateUser", account_pb2.CreateUserRequest(subject="auth0|ana", username="ana"))
    ]


async def test_a_username_that_is_taken_is_409(gateway: Gateway) -> None:
    gateway.fakes.account.errors["CreateUser"] = AlreadyExists("this username is taken", field="username")
    response = await gateway.as_user("POST", "/user", json={"username": "ana"})
    assert response.status_code == 409
    assert response.json()["errors"] == [{"field": "username", "message": "this username is taken"}]


async def test_an_account_is_renamed(gateway: Gateway) -> None:
    assert (await gateway.as_user("PUT", "/user", json={"username": "Zoë-2.x"})).json() == ANA
    assert gateway.fakes.account.calls[0][1].username == "Zoë-2.x"


async def test_the_profile_is_returned(gateway: Gateway) -> None:
    assert (await gateway.as_user("GET", "/user")).json() == ANA


async def test_a_profile_without_a_username_omits_it(gateway: Gateway) -> None:
    gateway.fakes.account.answers["GetUser"] = account_pb2.User(created_at=NOON)
    assert (await gateway.as_user("GET", "/user")).json() == {"createdAt": ANA["createdAt"], "seen": 0, "liked": 0}


async def test_the_profile_is_not_cached(gateway: Gateway) -> None:
    assert (await gateway.as_user("GET", "/user")).headers["cache-control"] == "no-store"


async def test_a_missing_account_is_404(gateway: Gateway) -> None:
    gateway.fakes.account.errors["GetUser"] = NotFound("you have no account yet")
    assert (await gateway.as_user("GET", "/user")).status_code == 404


async def test_an_account_is_deleted(gateway: Gateway) -> None:
    assert (await gateway.as_user("DELETE", "/user")).status_code == 204
    assert gateway.fakes.account.calls == [("DeleteUser", account_pb2.DeleteUserRequest(subject="auth0|ana"))]


@pytest.mark.parametrize(("path", "kind"), [("seen", SEEN), ("liked", LIKE), ("notInterested", NOT_INTERESTED)])
async def test_marks_are_listed_page_by_page(gateway: Gateway, path: str, kind: account_pb2.MarkKind) -> None:
    first = (await gateway.as_user("GET", f"/user/{path}", params={"size": 1})).json()
    assert [mark["markedAt"] for mark in first["items"]] == ["2026-02-02T12:00:00Z"]
    gateway.fakes.library.answers["ListMarkedItems"] = library_pb2.ListMarkedItemsResponse()
    last = await gateway.as_user("GET", f"/user/{path}", params={"cursor": first["nextCursor"]})
    assert last.json() == {"items": [], "missing": []}
    assert [request for _, request in gateway.fakes.library.calls] == [
        library_pb2.ListMarkedItemsRequest(subject="auth0|ana", kind=kind, size=1),
        library_pb2.ListMarkedItemsRequest(subject="auth0|ana", kind=kind, size=20, cursor="bmV4dA"),
    ]


async def test_a_foreign_cursor_is_400(gateway: Gateway) -> None:
    gateway.fakes.library.errors["ListMarkedItems"] = InvalidArgument("cursor", "not a cursor returned by this list")
    response = await gateway.as_user("GET", "/user/seen", params={"cursor": "x"})
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "cursor")


@pytest.mark.parametrize("items", [f"BOOK/{BOOK_ID},SHOW/{SHOW_ID}", f"BOOK%2F{BOOK_ID}%2CSHOW%2F{SHOW_ID}"])
async def test_the_marks_on_given_items_are_returned(gateway: Gateway, items: str) -> None:
    response = await gateway.as_user("GET", f"/user/marks?items={items}")
    item = {"type": "BOOK", "id": BOOK_ID}
    assert response.json() == {"marks": [{"item": item, "seen": True, "liked": False, "notInterested": True}]}
    assert gateway.fakes.account.calls == [
        (
            "GetMarks",
            account_pb2.GetMarksRequest(
                subject="auth0|ana", items=[ItemRef(type=BOOK, id=BOOK_ID), ItemRef(type=SHOW, id=SHOW_ID)]
            ),
        )
    ]


async def test_users_are_found_by_the_beginning_of_their_names(gateway: Gateway) -> None:
    response = await gateway.request("GET", "/user/search/Añ")
    assert response.json() == {"usernames": ["ana", "Anabela"]}
    assert gateway.fakes.account.calls[0][1].prefix == "Añ"


async def test_sign_in_redirects_browsers_to_the_provider(gateway: Gateway) -> None:
    response = await gateway.request("GET", "/user/login", headers={"Accept": "text/html,*/*;q=0.8"})
    assert response.status_code == 302
    address = urlsplit(response.headers["location"])
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{gateway.provider.url}/authorize"
    assert query["response_type"] == "token"
    assert query["audience"] == AUDIENCE
    assert query["redirect_uri"] == "http://gateway.example/"
    assert f"{STATE_COOKIE}={query['state']}" in response.headers["set-cookie"]


async def test_sign_out_redirects_browsers_to_the_provider(gateway: Gateway) -> None:
    response = await gateway.request("GET", "/user/logout")
    assert response.status_code == 302
    assert response.headers["location"].startswith(f"{gateway.provider.url}/v2/logout?client_id=seen-swagger-ui")


@pytest.mark.parametrize("path", ["login", "logout"])
async def test_a_client_that_accepts_only_json_gets_the_url(gateway: Gateway, path: str) -> None:
    response = await gateway.request("GET", f"/user/{path}", headers={"Accept": "application/json"})
    assert response.status_code == 200
    assert response.json()["url"].startswith(gateway.provider.url)
