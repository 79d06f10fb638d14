"""/lib, /getTopTen and /categories."""

import pytest

from seen.v1 import library_pb2
from seen.v1.types_pb2 import ANIME, BOOK
from services.common.errors import InvalidArgument
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.fakes import HOBBIT

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_page_contains_the_number_of_pages_and_items(gateway: Gateway) -> None:
    page = (await gateway.request("GET", "/lib/1")).json()
    assert [item["name"] for item in page["items"]] == ["The Hobbit", "Shōgun"]
    assert (page["page"], page["pages"], page["size"], page["total"], page["missing"]) == (1, 3, 20, 42, [])


async def test_the_query_is_passed_on_to_the_library(gateway: Gateway) -> None:
    query = {"type": "BOOK", "category": "Science Fiction", "search": "á&b=c", "size": 7}
    await gateway.request("GET", "/lib/2", params=query)
    assert gateway.fakes.library.calls[0][1] == library_pb2.ListLibraryRequest(
        page=2, size=7, type=BOOK, category="Science Fiction", search="á&b=c"
    )


async def test_a_page_links_to_its_neighbours_with_the_same_query(gateway: Gateway) -> None:
    response = await gateway.request("GET", "/lib/2", params={"size": 20, "search": "a b&c"})
    links = {link["rel"]: link["url"] for link in response.links.values()}
    tail = "?size=20&search=a%20b%26c"
    assert links == {
        "first": f"/lib/1{tail}",
        "prev": f"/lib/1{tail}",
        "next": f"/lib/3{tail}",
        "last": f"/lib/3{tail}",
    }


async def test_a_page_of_an_empty_library_links_only_to_the_first_and_last_page(gateway: Gateway) -> None:
    gateway.fakes.library.answers["ListItems"] = library_pb2.ListLibraryResponse()
    response = await gateway.request("GET", "/lib/1")
    assert response.json()["pages"] == 0
    assert set(response.links) == {"first", "last"}


async def test_a_page_past_the_last_is_400(gateway: Gateway) -> None:
    gateway.fakes.library.errors["ListItems"] = InvalidArgument("page", "there is no page 9: the last one is 3")
    response = await gateway.request("GET", "/lib/9")
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "page"


async def test_an_unchanged_page_is_304(gateway: Gateway) -> None:
    etag = (await gateway.request("GET", "/lib/1")).headers["etag"]
    assert (await gateway.request("GET", "/lib/1", headers={"If-None-Match": etag})).status_code == 304


async def test_a_partial_page_names_the_missing_dataset_and_is_not_cached(gateway: Gateway) -> None:
    half = library_pb2.ListLibraryResponse(items=[HOBBIT], total=42, missing=[ANIME])
    gateway.fakes.library.answers["ListItems"] = half
    response = await gateway.request("GET", "/lib/1")
    assert response.json()["missing"] == ["ANIME"]
    assert response.headers["cache-control"] == "no-store"


async def test_the_top_ten_contain_the_number_of_likes(gateway: Gateway) -> None:
    response = await gateway.request("GET", "/getTopTen/BOOK")
    [top] = response.json()["items"]
    assert (top["item"]["name"], top["likes"]) == ("The Hobbit", 3)
    assert gateway.fakes.library.calls[0][1].type == BOOK


async def test_the_categories_and_themes_of_a_type_are_counted(gateway: Gateway) -> None:
    assert (await gateway.request("GET", "/categories/BOOK")).json() == {
        "items": 2,
        "categories": [{"name": "Science Fiction", "items": 1}],
        "themes": [{"name": "Sci-Fi", "items": 1}],
    }
    assert gateway.fakes.library.calls[0][1].type == BOOK
