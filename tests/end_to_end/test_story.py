"""The main uses of the API: users browse, mark and like items, and get suggestions."""

import httpx
import pytest

from tests.end_to_end.api import Item, get, items, mark, path
from tests.end_to_end.suites import SuiteUnderTest

pytestmark = pytest.mark.compact_too


def test_a_reader_of_fantasy_gets_films_and_anime_of_the_same_categories_with_the_reasons(ana: httpx.Client) -> None:
    books = items(ana, type="BOOK", category="Fantasy", size=3)
    assert len(books) == 3
    for book in books:
        mark(ana, book, "seen", "like")

    answer = ana.post("/suggest", json={"types": ["SHOW", "ANIME"], "amount": 5})

    assert answer.status_code == 200, answer.text
    content = answer.json()
    points = {weight["category"]: weight["points"] for weight in content["categories"]}
    # Seen gives 1 point and liked 3, for each of the three books.
    assert points["Fantasy"] == 12
    assert content["personal"] is True
    assert {suggestion["item"]["type"] for suggestion in content["suggestions"]} == {"SHOW", "ANIME"}
    for suggestion in content["suggestions"]:
        assert suggestion["because"]["category"] in points
        assert suggestion["because"]["category"] in suggestion["item"]["themes"]
        if suggestion["because"]["category"] == "Fantasy":
            assert (suggestion["because"]["seen"], suggestion["because"]["liked"]) == (3, 3)


def test_seen_items_are_not_suggested_and_no_item_comes_twice(ana: httpx.Client) -> None:
    fantasy = items(ana, type="BOOK", category="Fantasy", size=100)
    seen = fantasy[: len(fantasy) // 2]
    for book in seen:
        mark(ana, book, "seen")

    answer = ana.post("/suggest", json={"amount": 100}).json()
    suggested = [path(item) for item in _suggested(answer)]

    assert not {path(book) for book in seen} & set(suggested)
    assert len(suggested) == len(set(suggested))


def _suggested(answer: Item) -> list[Item]:
    return [suggestion["item"] for suggestion in answer["suggestions"]]


@pytest.mark.parametrize("strategy", ["categories", "taste"])
def test_the_same_seed_repeats_an_answer_and_excluded_items_are_replaced(ana: httpx.Client, strategy: str) -> None:
    for book in items(ana, type="BOOK", category="Fantasy", size=2):
        mark(ana, book, "like")
    request = {"strategy": strategy, "amount": 3}
    first = ana.post("/suggest", json=request).json()
    assert ana.post("/suggest", json=request | {"seed": first["seed"]}).json() == first

    excluded = [{name: item[name] for name in ("type", "id")} for item in _suggested(first)]
    second = ana.post("/suggest", json=request | {"seed": first["seed"], "exclude": excluded}).json()
    assert second["suggestions"]
    assert not set(map(path, _suggested(second))) & set(map(path, excluded))


def test_taste_gives_the_best_items_of_each_type_with_true_reasons(ana: httpx.Client) -> None:
    books = items(ana, type="BOOK", category="Fantasy", size=3)
    for book in books:
        mark(ana, book, "like")

    answer = ana.post("/suggest", json={"strategy": "taste", "amount": 5}).json()

    types = [item["type"] for item in _suggested(answer)]
    assert types == ["BOOK"] * 5 + ["SHOW"] * 5 + ["ANIME"] * 5
    assert answer["missing"] == []
    liked = [theme for book in books for theme in book["themes"]]
    for suggestion in answer["suggestions"]:
        because = suggestion["because"]
        assert because.keys() in ({"items"}, {"category", "seen", "liked"}, {"popular"})
        assert path(suggestion["item"]) not in map(path, books)
        if "category" in because:
            assert because["category"] in suggestion["item"]["themes"]
            assert (because["seen"], because["liked"]) == (0, liked.count(because["category"]))
        if "items" in because:
            assert set(map(path, because["items"])) <= set(map(path, books))


def test_an_item_of_no_interest_is_not_suggested_again(ana: httpx.Client) -> None:
    request = {"strategy": "taste", "types": ["BOOK"], "amount": 2, "seed": 7}
    first, second = ana.post("/suggest", json=request).json()["suggestions"]
    mark(ana, first["item"], "notInterested")
    suggested = [path(item) for item in _suggested(ana.post("/suggest", json=request).json())]
    assert path(first["item"]) not in suggested
    assert path(second["item"]) in suggested


@pytest.mark.parametrize("strategy", ["categories", "taste"])
def test_likes_in_the_request_give_suggestions_without_an_account(anyone: httpx.Client, strategy: str) -> None:
    books = items(anyone, type="BOOK", category="Fantasy", size=3)
    likes = [{"type": book["type"], "id": book["id"]} for book in books]
    answer = anyone.post("/suggest", json={"strategy": strategy, "likes": likes, "types": ["SHOW"]}).json()
    assert answer["personal"] is False
    reasons = [suggestion["because"] for suggestion in answer["suggestions"]]
    assert {"category": "Fantasy", "seen": 0, "liked": 3} in reasons


def test_similar_items_are_a_list_and_an_unknown_item_has_none(anyone: httpx.Client) -> None:
    book = items(anyone, type="BOOK", size=1)[0]
    assert isinstance(get(anyone, f"{path(book)}/similar")["items"], list)
    assert anyone.get(f"/item/BOOK/{'f' * 24}/similar").status_code == 404


def test_without_a_token_suggestions_are_not_personal_and_of_every_type(anyone: httpx.Client) -> None:
    answer = anyone.post("/suggest", json={"amount": 2}).json()
    assert answer["personal"] is False
    assert answer["categories"] == []
    types = [item["type"] for item in _suggested(answer)]
    assert types.count("BOOK") == 2
    assert set(types) == {"BOOK", "SHOW", "ANIME"}


def test_pages_hold_every_dataset_and_do_not_overlap(anyone: httpx.Client) -> None:
    first = get(anyone, "/lib/1", size=50)
    names = [path(item) for item in first["items"]]
    for page in range(2, first["pages"] + 1):
        names += [path(item) for item in get(anyone, f"/lib/{page}", size=50)["items"]]
    assert {name.split("/")[2] for name in names} == {"BOOK", "SHOW", "ANIME"}
    assert len(names) == len(set(names)) == first["total"]
    assert first["missing"] == []


def test_a_page_links_to_its_neighbours(anyone: httpx.Client) -> None:
    links = anyone.get("/lib/2", params={"size": 10}).links
    assert set(links) == {"first", "prev", "next", "last"}
    following = anyone.get(links["next"]["url"]).json()
    assert following["page"] == 3
    assert following["size"] == 10


def test_a_search_finds_a_book_by_its_name(anyone: httpx.Client) -> None:
    assert items(anyone, search="the hobbit", type="BOOK")[0]["name"] == "The Hobbit"


@pytest.mark.parametrize("type_name", ["BOOK", "SHOW", "ANIME"])
def test_an_item_can_be_read_by_its_type_and_id(anyone: httpx.Client, type_name: str) -> None:
    item = items(anyone, type=type_name, size=1)[0]
    assert get(anyone, path(item)) == item


def test_the_top_ten_counts_one_like_per_user(ana: httpx.Client, rui: httpx.Client) -> None:
    both, only_ana = items(ana, type="ANIME", size=2)
    for client in (ana, rui, rui):
        mark(client, both, "like")
    mark(ana, only_ana, "like")

    top = get(ana, "/getTopTen/ANIME")["items"]

    likes = {path(entry["item"]): entry["likes"] for entry in top}
    assert likes[path(both)] == likes[path(only_ana)] + 1
    assert [entry["likes"] for entry in top] == sorted((entry["likes"] for entry in top), reverse=True)

    assert rui.delete(f"{path(both)}/like").status_code == 204
    likes = {path(entry["item"]): entry["likes"] for entry in get(ana, "/getTopTen/ANIME")["items"]}
    assert likes[path(both)] == likes[path(only_ana)]


def test_lists_of_marks_are_newest_first_and_have_pages(ana: httpx.Client) -> None:
    marked = [items(ana, type=type_name, size=1)[0] for type_name in ("BOOK", "SHOW", "ANIME")]
    for item in marked:
        mark(ana, item, "seen")
    mark(ana, marked[0], "like")

    first = get(ana, "/user/seen", size=2)
    second = get(ana, "/user/seen", size=2, cursor=first["nextCursor"])

    assert [mark["item"] for mark in first["items"] + second["items"]] == marked[::-1]
    assert "nextCursor" not in second
    assert [mark["item"] for mark in get(ana, "/user/liked")["items"]] == [marked[0]]
    profile = get(ana, "/user")
    assert (profile["seen"], profile["liked"]) == (3, 1)


def test_the_marks_on_the_items_of_a_page_take_one_request(ana: httpx.Client) -> None:
    page = items(ana, size=6)
    mark(ana, page[1], "seen", "like")
    mark(ana, page[4], "notInterested")
    marks = get(ana, "/user/marks", items=",".join(f"{item['type']}/{item['id']}" for item in page))["marks"]
    assert marks == [
        {"item": {name: page[1][name] for name in ("type", "id")}, "seen": True, "liked": True, "notInterested": False},
        {
            "item": {name: page[4][name] for name in ("type", "id")},
            "seen": False,
            "liked": False,
            "notInterested": True,
        },
    ]


def test_many_items_take_one_request_and_unknown_ones_are_left_out(ana: httpx.Client) -> None:
    page = items(ana, size=6)
    paths = [f"{item['type']}/{item['id']}" for item in page[::-1]]
    unknown = f"BOOK/{'0' * 24}"
    assert get(ana, "/items", items=",".join([*paths, unknown])) == {"items": page[::-1], "missing": []}


def test_the_address_of_an_item_has_its_name_for_link_previews(ana: httpx.Client) -> None:
    book = items(ana, type="BOOK", search="The Hobbit")[0]
    page = ana.get("/", params={"item": f"BOOK/{book['id']}"})
    assert page.status_code == 200
    assert "<title>The Hobbit · Seen</title>" in page.text
    assert '<meta property="og:title" content="The Hobbit">' in page.text


def test_an_item_of_no_interest_is_listed_until_the_mark_is_removed(ana: httpx.Client) -> None:
    item = items(ana, type="ANIME", size=1)[0]
    mark(ana, item, "notInterested")
    assert [entry["item"] for entry in get(ana, "/user/notInterested")["items"]] == [item]
    assert ana.delete(f"{path(item)}/notInterested").status_code == 204
    assert get(ana, "/user/notInterested")["items"] == []


def test_an_unmarked_item_leaves_the_list(ana: httpx.Client) -> None:
    item = items(ana, type="SHOW", size=1)[0]
    mark(ana, item, "seen")
    for _ in range(2):  # repeating changes nothing
        assert ana.delete(f"{path(item)}/seen").status_code == 204
    assert get(ana, "/user/seen")["items"] == []


def test_an_admin_adds_an_item_and_deletes_it_with_all_its_marks(admin: httpx.Client, ana: httpx.Client) -> None:
    new = {"type": "BOOK", "name": "A Book of Tests", "category": ["Testing"], "rating": 9.5, "year": 2024}
    answer = admin.post("/item", json=new)
    assert answer.status_code == 201, answer.text
    book = answer.json()
    assert answer.headers["location"].endswith(path(book))
    assert new.items() <= book.items()
    mark(ana, book, "seen", "like")
    assert [item["id"] for item in items(ana, category="Testing")] == [book["id"]]

    assert admin.delete(path(book)).status_code == 204

    assert ana.get(path(book)).status_code == 404
    assert admin.delete(path(book)).status_code == 404
    assert get(ana, "/user/seen")["items"] == get(ana, "/user/liked")["items"] == []
    assert book["id"] not in [entry["item"]["id"] for entry in get(ana, "/getTopTen/BOOK")["items"]]
    assert ana.post("/suggest", json={}).json()["categories"] == []


def test_a_like_shows_in_the_top_ten_at_once_and_a_deleted_item_is_gone_at_once(
    admin: httpx.Client, ana: httpx.Client
) -> None:
    book = admin.post("/item", json={"type": "BOOK", "name": "A Short Life", "category": ["Brevity"]}).json()
    for _ in range(2):  # the second answers come from the gateway's cache
        assert get(ana, path(book)) == book
        assert items(ana, category="Brevity") == [book]
        assert path(book) not in _top_ten(ana, "BOOK")

    mark(ana, book, "like")
    assert path(book) in _top_ten(ana, "BOOK")
    assert ana.delete(f"{path(book)}/like").status_code == 204
    assert path(book) not in _top_ten(ana, "BOOK")
    mark(ana, book, "like")
    assert path(book) in _top_ten(ana, "BOOK")

    assert admin.delete(path(book)).status_code == 204
    assert ana.get(path(book)).status_code == 404
    assert items(ana, category="Brevity") == []
    assert path(book) not in _top_ten(ana, "BOOK")


def _top_ten(client: httpx.Client, type_name: str) -> list[str]:
    return [path(entry["item"]) for entry in get(client, f"/getTopTen/{type_name}")["items"]]


def test_users_choose_a_username_and_are_found_by_its_prefix(ana: httpx.Client, rui: httpx.Client) -> None:
    created = ana.post("/user", json={"username": "Ana.Reads"})
    assert created.status_code == 201, created.text
    assert rui.post("/user", json={"username": "ana.READS"}).status_code == 409  # unique whatever its case
    assert rui.post("/user", json={"username": "ana.watches"}).status_code == 201
    assert get(ana, "/user/search/ANA.")["usernames"] == ["Ana.Reads", "ana.watches"]

    assert rui.put("/user", json={"username": "rui"}).json()["username"] == "rui"
    assert rui.delete("/user").status_code == 204
    assert get(ana, "/user/search/r")["usernames"] == []
    assert rui.get("/user").status_code == 404


@pytest.mark.parametrize(("action", "auth0_path"), [("login", "/authorize"), ("logout", "/v2/logout")])
def test_a_browser_is_redirected_to_auth0_and_a_script_gets_the_url(
    suite: SuiteUnderTest, anyone: httpx.Client, action: str, auth0_path: str
) -> None:
    redirect = anyone.get(f"/user/{action}", headers={"Accept": "text/html"})
    assert redirect.status_code == 302
    answer = anyone.get(f"/user/{action}", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    for url in (redirect.headers["location"], next(iter(answer.json().values()))):
        assert url.startswith(suite.auth0_url + auth0_path)
        assert httpx.get(url, follow_redirects=False).status_code < 400  # Auth0 accepts the parameters
