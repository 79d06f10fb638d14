"""A right answer passes, and whatever is wrong with one is said."""

from collections.abc import Callable
from typing import Any

import pytest

from load.locust_users import checks
from load.locust_users.checks import Wrong
from load.locust_users.marks import Marks

HOBBIT = {"type": "BOOK", "id": "a1", "name": "The Hobbit", "category": ["Fantasy", "Classics"]}
DUNE = {"type": "BOOK", "id": "a2", "name": "Dune", "category": ["Fiction", "Classics"]}
WILLOW = {"type": "SHOW", "id": "1b1", "name": "Willow", "category": ["Fantasy"]}


def page() -> Any:
    return {"items": [HOBBIT, DUNE], "page": 2, "size": 3, "total": 5, "missing": []}


def suggested() -> Any:
    """To somebody who has seen and liked the Hobbit."""
    return {
        "personal": True,
        "categories": [{"category": "Classics", "points": 4}, {"category": "Fantasy", "points": 4}],
        "suggestions": [{"item": DUNE, "because": "Classics"}, {"item": WILLOW, "because": "Fantasy"}],
        "missing": [],
    }


@pytest.fixture
def marks() -> Marks:
    marks = Marks()
    for kind in ("seen", "like"):
        marks.sent(kind, HOBBIT)
        marks.confirmed(kind, HOBBIT)
    return marks


def test_right_answers_pass(marks: Marks) -> None:
    checks.item(dict(HOBBIT), HOBBIT)
    checks.page(page(), 2, 3, "BOOK")
    checks.page(page(), 2, 3, None)
    checks.usernames({"usernames": ["Ana", "anabela"]}, "an", "Ana")
    checks.usernames({"usernames": [f"visitor-{n}" for n in range(20)]}, "visitor-", "visitor-77")
    checks.address("http://auth/authorize?state=1&client_id=2", "http://auth/authorize", "client_id", "state")
    checks.newest({"items": [{"item": DUNE}], "missing": []}, DUNE)
    checks.suggestions(suggested(), ["BOOK", "SHOW"], 1, marks, [HOBBIT, DUNE, WILLOW])
    checks.status(204, 204, "")
    checks.empty("")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda p: p.update(page=1), "another page"),
        (lambda p: p.update(size=20), "page size"),
        (lambda p: p.update(missing=["SHOW"]), "missing: SHOW"),
        (lambda p: p["items"].pop(), "1 items instead of 2"),
        (lambda p: p.update(items=[], total=3), "an empty page"),
        (lambda p: p.update(items=[DUNE, DUNE]), "twice"),
        (lambda p: p.update(items=[DUNE, WILLOW]), "another type"),
    ],
)
def test_a_wrong_page_is_told(wrong: Callable[[Any], None], said: str) -> None:
    answer = page()
    wrong(answer)
    with pytest.raises(Wrong, match=said):
        checks.page(answer, 2, 3, "BOOK")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda s: s.update(personal=False), "not personal"),
        (lambda s: s.update(missing=["ANIME"]), "missing: ANIME"),
        (lambda s: s.update(suggestions=[]), "no suggestions"),
        (lambda s: s["suggestions"].pop(), "no suggestions"),
        (lambda s: s["suggestions"][0].update(item=DUNE | {"type": "ANIME"}), "another type"),
        (lambda s: s["suggestions"][0].update(item=HOBBIT), "something marked"),
        (lambda s: s["suggestions"].append({"item": DUNE, "because": "Classics"}), "twice"),
        (lambda s: s["suggestions"].append({"item": DUNE | {"id": "a3"}, "because": "Classics"}), "more suggestions"),
        (lambda s: s.update(categories=[]), "no categories"),
        (lambda s: s["categories"][0].update(points=3), "do not add up"),
        (lambda s: s["categories"][0].update(points=8), "do not add up"),
        (lambda s: s["categories"].append({"category": "War", "points": 1}), "do not add up"),
        (lambda s: s["suggestions"][0].pop("because"), "a reason where there is none"),
        (lambda s: s["suggestions"][0].update(because="Horror"), "no chosen category"),
        (lambda s: s["suggestions"][0].update(because="Fantasy"), "not the item's category"),
    ],
)
def test_wrong_suggestions_are_told(wrong: Callable[[Any], None], said: str, marks: Marks) -> None:
    answer = suggested()
    wrong(answer)
    with pytest.raises(Wrong, match=said):
        checks.suggestions(answer, ["BOOK", "SHOW"], 1, marks, [HOBBIT, DUNE, WILLOW])


def test_categories_come_in_the_order_of_their_points(marks: Marks) -> None:
    marks.sent("seen", WILLOW)
    marks.confirmed("seen", WILLOW)
    answer = suggested()
    answer["categories"][1]["points"] = 5
    answer["suggestions"].pop()
    with pytest.raises(Wrong, match="out of order"):
        checks.suggestions(answer, ["BOOK", "SHOW"], 1, marks, [HOBBIT, DUNE, WILLOW])


def test_of_a_type_without_items_in_ones_categories_nothing_need_be_suggested(marks: Marks) -> None:
    war = {"type": "ANIME", "id": "c1", "name": "Grave of the Fireflies", "category": ["War"]}
    checks.suggestions(suggested() | {"suggestions": [], "categories": []}, ["ANIME"], 1, marks, [HOBBIT, war])


def test_somebody_without_marks_is_suggested_anything() -> None:
    answer = suggested() | {"categories": [], "suggestions": [{"item": WILLOW}]}
    checks.suggestions(answer, ["SHOW"], 1, Marks(), [WILLOW])
    with pytest.raises(Wrong, match="no suggestions"):
        checks.suggestions(answer | {"suggestions": []}, ["SHOW"], 1, Marks(), [WILLOW])


def test_a_mark_that_was_not_confirmed_may_count_or_not(marks: Marks) -> None:
    marks.sent("seen", WILLOW)
    for points in (4, 5):
        answer = suggested()
        answer["categories"][0] = {"category": "Fantasy", "points": points}
        answer["categories"][1] = {"category": "Classics", "points": 4}
        checks.suggestions(answer, ["BOOK", "SHOW"], 1, marks, [HOBBIT, DUNE, WILLOW])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: checks.item(HOBBIT | {"rating": 3}, HOBBIT),
        lambda: checks.usernames({"usernames": ["ana", "rui"]}, "a", None),
        lambda: checks.usernames({"usernames": ["ana"]}, "a", "alba"),
        lambda: checks.usernames({"usernames": [f"a{n}" for n in range(21)]}, "a", None),
        lambda: checks.address("http://elsewhere/authorize?state=1", "http://auth/authorize"),
        lambda: checks.address("http://auth.evil/authorize?state=1", "http://auth/authorize"),
        lambda: checks.address("http://auth/authorize?state=1", "http://auth/authorize", "state", "client_id"),
        lambda: checks.newest({"items": [{"item": HOBBIT}, {"item": DUNE}], "missing": []}, DUNE),
        lambda: checks.newest({"items": [], "missing": []}, DUNE),
        lambda: checks.empty("{}"),
    ],
)
def test_whatever_else_is_wrong_is_told(wrong: Callable[[], None]) -> None:
    with pytest.raises(Wrong):
        wrong()


@pytest.mark.parametrize(
    ("body", "said"),
    [('{"detail": "try again later"}', "503 instead of 200: try again later"), ("<html>", "no problem document")],
)
def test_an_error_is_told_in_its_own_words(body: str, said: str) -> None:
    with pytest.raises(Wrong, match=said):
        checks.status(503, 200, body)
