"""A right answer passes every check; a wrong answer fails with a message that names the fault."""

from collections.abc import Callable
from typing import Any

import pytest

from load.locust_users import checks
from load.locust_users.checks import WrongAnswer
from load.locust_users.marks import POINTS, TOP_CATEGORIES, Marks
from services.account import domain
from services.account.database import users
from services.account.domain import MarkKind
from services.library.suggestions import by_theme

HOBBIT = {"type": "BOOK", "id": "a1", "name": "The Hobbit", "category": ["Fantasy"], "themes": ["Fantasy", "Classics"]}
CLASSICS = {"category": "Classics", "seen": 1, "liked": 1}
FANTASY = {"category": "Fantasy", "seen": 1, "liked": 1}
DUNE = {"type": "BOOK", "id": "a2", "name": "Dune", "category": ["Fiction"], "themes": ["Fiction", "Classics"]}
WILLOW = {"type": "SHOW", "id": "1b1", "name": "Willow", "category": ["Fantasy"], "themes": ["Fantasy"]}


def page() -> Any:
    return {"items": [HOBBIT, DUNE], "page": 2, "size": 3, "total": 5, "missing": []}


def answer_to_suggest() -> Any:
    """For a member who has seen and liked the Hobbit."""
    return {
        "personal": True,
        "categories": [CLASSICS | {"points": 4}, FANTASY | {"points": 4}],
        "suggestions": [{"item": DUNE, "because": CLASSICS}, {"item": WILLOW, "because": FANTASY}],
        "missing": [],
    }


@pytest.fixture
def marks() -> Marks:
    marks = Marks()
    for kind in ("seen", "like"):
        marks.add_sent(kind, HOBBIT)
        marks.add_confirmed(kind, HOBBIT)
    return marks


def test_right_answers_pass(marks: Marks) -> None:
    checks.item(dict(HOBBIT), HOBBIT)
    checks.page(page(), 2, 3, "BOOK")
    checks.page(page(), 2, 3, None)
    checks.usernames({"usernames": ["Ana", "anabela"]}, "an", "Ana")
    checks.usernames({"usernames": [f"visitor-{n}" for n in range(20)]}, "visitor-", "visitor-77")
    checks.redirect("http://auth/authorize?state=1&client_id=2", "http://auth/authorize", "client_id", "state")
    checks.newest_mark({"items": [{"item": DUNE}], "missing": []}, DUNE)
    checks.suggestions(answer_to_suggest(), ["BOOK", "SHOW"], 1, marks, [HOBBIT, DUNE, WILLOW])
    checks.status(204, 204, "")
    checks.empty("")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.update(page=1), "not the page number"),
        (lambda p: p.update(size=20), "and size of the request"),
        (lambda p: p.update(missing=["SHOW"]), "missing: SHOW"),
        (lambda p: p["items"].pop(), "1 items instead of 2"),
        (lambda p: p.update(items=[], total=3), "an empty page"),
        (lambda p: p.update(items=[DUNE, DUNE]), "twice"),
        (lambda p: p.update(items=[DUNE, WILLOW]), "another type"),
    ],
)
def test_a_wrong_page_fails(change: Callable[[Any], None], message: str) -> None:
    answer = page()
    change(answer)
    with pytest.raises(WrongAnswer, match=message):
        checks.page(answer, 2, 3, "BOOK")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.update(personal=False), "not personal"),
        (lambda s: s.update(missing=["ANIME"]), "missing: ANIME"),
        (lambda s: s.update(suggestions=[]), "no suggestions"),
        (lambda s: s["suggestions"].pop(), "no suggestions"),
        (lambda s: s["suggestions"][0].update(item=DUNE | {"type": "ANIME"}), "another type"),
        (lambda s: s["suggestions"][0].update(item=HOBBIT), "a marked item"),
        (lambda s: s["suggestions"].append({"item": DUNE, "because": CLASSICS}), "twice"),
        (
            lambda s: s["suggestions"].append({"item": DUNE | {"id": "a3"}, "because": CLASSICS}),
            "more suggestions for a category",
        ),
        (lambda s: s.update(categories=[]), "no categories"),
        (lambda s: s["categories"][0].update(points=3), "differ from the sum"),
        (lambda s: s["categories"][0].update(points=8), "differ from the sum"),
        (lambda s: s["categories"][0].update(seen=2, points=5), "another number of seen items"),
        (lambda s: s["categories"][0].update(liked=0, points=1), "another number of liked items"),
        (
            lambda s: s["categories"].append({"category": "War", "points": 1, "seen": 1, "liked": 0}),
            "another number of seen items",
        ),
        (lambda s: s["suggestions"][0].pop("because"), "none with categories"),
        (lambda s: s["suggestions"][0].update(because=CLASSICS | {"category": "War"}), "not one of the categories"),
        (lambda s: s["suggestions"][0].update(because=CLASSICS | {"seen": 2}), "not one of the categories"),
        (lambda s: s["suggestions"][0].update(because=FANTASY), "not one of the item's themes"),
    ],
)
def test_wrong_suggestions_fail(change: Callable[[Any], None], message: str, marks: Marks) -> None:
    answer = answer_to_suggest()
    change(answer)
    with pytest.raises(WrongAnswer, match=message):
        checks.suggestions(answer, ["BOOK", "SHOW"], 1, marks, [HOBBIT, DUNE, WILLOW])


def test_categories_must_be_sorted_by_points(marks: Marks) -> None:
    marks.add_sent("seen", WILLOW)
    marks.add_confirmed("seen", WILLOW)
    answer = answer_to_suggest()
    answer["categories"][1] = FANTASY | {"points": 5, "seen": 2}
    answer["suggestions"].pop()
    with pytest.raises(WrongAnswer, match="out of order"):
        checks.suggestions(answer, ["BOOK", "SHOW"], 1, marks, [HOBBIT, DUNE, WILLOW])


def test_a_type_without_items_in_the_members_categories_needs_no_suggestions(marks: Marks) -> None:
    war = {"type": "ANIME", "id": "c1", "name": "Grave of the Fireflies", "category": ["War"], "themes": ["War"]}
    checks.suggestions(answer_to_suggest() | {"suggestions": [], "categories": []}, ["ANIME"], 1, marks, [HOBBIT, war])


def test_a_member_without_marks_gets_suggestions_of_any_category() -> None:
    answer = answer_to_suggest() | {"categories": [], "suggestions": [{"item": WILLOW}]}
    checks.suggestions(answer, ["SHOW"], 1, Marks(), [WILLOW])
    with pytest.raises(WrongAnswer, match="no suggestions"):
        checks.suggestions(answer | {"suggestions": []}, ["SHOW"], 1, Marks(), [WILLOW])


def test_an_unconfirmed_mark_may_count_or_not(marks: Marks) -> None:
    marks.add_sent("seen", WILLOW)
    for seen in (1, 2):
        answer = answer_to_suggest()
        fantasy = FANTASY | {"seen": seen}
        answer["categories"] = [fantasy | {"points": 3 + seen}, CLASSICS | {"points": 4}]
        answer["suggestions"][1]["because"] = fantasy
        checks.suggestions(answer, ["BOOK", "SHOW"], 1, marks, [HOBBIT, DUNE, WILLOW])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: checks.item(HOBBIT | {"rating": 3}, HOBBIT),
        lambda: checks.usernames({"usernames": ["ana", "rui"]}, "a", None),
        lambda: checks.usernames({"usernames": ["ana"]}, "a", "alba"),
        lambda: checks.usernames({"usernames": [f"a{n}" for n in range(21)]}, "a", None),
        lambda: checks.redirect("http://elsewhere/authorize?state=1", "http://auth/authorize"),
        lambda: checks.redirect("http://auth.evil/authorize?state=1", "http://auth/authorize"),
        lambda: checks.redirect("http://auth/authorize?state=1", "http://auth/authorize", "state", "client_id"),
        lambda: checks.newest_mark({"items": [{"item": HOBBIT}, {"item": DUNE}], "missing": []}, DUNE),
        lambda: checks.newest_mark({"items": [], "missing": []}, DUNE),
        lambda: checks.empty("{}"),
    ],
)
def test_other_wrong_answers_fail(wrong: Callable[[], None]) -> None:
    with pytest.raises(WrongAnswer):
        wrong()


@pytest.mark.parametrize(
    ("body", "message"),
    [('{"detail": "try again later"}', "503 instead of 200: try again later"), ("<html>", "no problem document")],
)
def test_an_unexpected_status_is_reported_with_the_problems_detail(body: str, message: str) -> None:
    with pytest.raises(WrongAnswer, match=message):
        checks.status(503, 200, body)


def test_the_constants_of_the_api_are_those_of_the_services() -> None:
    assert [POINTS["seen"], POINTS["like"]] == [domain.POINTS[MarkKind.SEEN], domain.POINTS[MarkKind.LIKE]]
    assert TOP_CATEGORIES == by_theme.THEMES
    assert checks.MAX_USERNAMES == users.MAX_SEARCH_RESULTS
