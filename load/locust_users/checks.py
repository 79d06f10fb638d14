"""Checks of answers beyond their status. Each raises WrongAnswer with a text without ids, because Locust counts
failures by their text.

Independent of Locust, so that each check can be tested with made-up answers.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from load.locust_users.marks import TOP_CATEGORIES, Item, Marks, item_path

Json = Any
MAX_USERNAMES = 20


class WrongAnswer(Exception):
    """An answer that the API must not give; the message says what is wrong with it."""


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise WrongAnswer(otherwise)


def status(actual: int, expected: int, body: str | None) -> None:
    """The message quotes `detail` of the problem document."""
    if actual != expected:
        try:
            detail = json.loads(body or "")["detail"]
        except (ValueError, LookupError, TypeError):
            detail = "no problem document"
        raise WrongAnswer(f"{actual} instead of {expected}: {detail}")


def item(answer: Json, expected: Item) -> None:
    expect(answer == expected, "the item differs from the one on the page")


def page(answer: Json, number: int, size: int, item_type: str | None) -> None:
    items = answer["items"]
    expect((answer["page"], answer["size"]) == (number, size), "not the page number and size of the request")
    _complete(answer)
    expected = min(size, answer["total"] - (number - 1) * size)
    expect(len(items) == expected, f"{len(items)} items instead of {expected}")
    expect(expected > 0, "an empty page")
    _distinct(items)
    expect(all(one["type"] == item_type for one in items if item_type), "an item of another type")


def usernames(answer: Json, prefix: str, username: str | None) -> None:
    """`username` exists and begins with the prefix; only a full list may leave it out."""
    found: Sequence[str] = answer["usernames"]
    expect(len(found) <= MAX_USERNAMES, f"{len(found)} names instead of at most {MAX_USERNAMES}")
    expect(all(name.casefold().startswith(prefix.casefold()) for name in found), "a name with another prefix")
    expect(username is None or username in found or len(found) == MAX_USERNAMES, "a name was not found")


def redirect(location: str, address: str, *parameters: str) -> None:
    """`location` is that address with a query that has these parameters."""
    expect(location.split("?")[0] == address, "redirected to another address than the identity provider's")
    query = parse_qs(urlsplit(location).query)
    missing = [name for name in parameters if name not in query]
    expect(not missing, f"the redirect lacks {', '.join(missing)}")


def empty(body: str | None) -> None:
    expect(not body, "a body where none should be")


def newest_mark(answer: Json, marked: Item) -> None:
    """A page of the member's marks, requested right after the item was marked."""
    _complete(answer)
    expect(bool(answer["items"]) and answer["items"][0]["item"] == marked, "the new mark is not in the list")


def suggestions(answer: Json, types: Sequence[str], amount: int, marks: Marks, existing: Sequence[Item]) -> None:
    """For a member with these marks. `existing` are items known to exist."""
    expect(answer["personal"] is True, "not personal")
    _complete(answer)
    items = [one["item"] for one in answer["suggestions"]]
    found = {one["type"] for one in items}
    expect(found <= set(types), "a suggestion of another type")
    # A type without items in the member's categories has no suggestions, so "none" may be right.
    expect(found >= _types_due(types, marks, existing), "no suggestions of a type that has some")
    expect(not {item_path(one) for one in items} & marks.confirmed_paths(), "a suggestion of a marked item")
    _distinct(items)
    _check_points(answer, marks)
    _check_reasons(answer, amount)


def _complete(answer: Json) -> None:
    expect(answer["missing"] == [], f"missing: {', '.join(answer['missing'])}")


def _distinct(items: Sequence[Item]) -> None:
    expect(len({item_path(one) for one in items}) == len(items), "an item twice")


def _types_due(types: Sequence[str], marks: Marks, existing: Sequence[Item]) -> set[str]:
    """The types that have an unmarked item in one of the member's top categories, or any if they have no points."""
    categories, marked = marks.top_categories(), marks.confirmed_paths()
    any_category = not marks.max_points()
    return {
        one["type"]
        for one in existing
        if one["type"] in types and item_path(one) not in marked and (any_category or categories & set(one["category"]))
    }


def _check_points(answer: Json, marks: Marks) -> None:
    points = {one["category"]: one["points"] for one in answer["categories"]}
    lowest, highest = marks.min_points(), marks.max_points()
    expect(bool(points) or not lowest or not answer["suggestions"], "no categories for a member with points")
    possible = all(lowest[category] <= number <= highest[category] for category, number in points.items())
    expect(possible, "points that differ from the sum of the marks")
    expect(list(points.values()) == sorted(points.values(), reverse=True), "categories out of order")


def _check_reasons(answer: Json, amount: int) -> None:
    categories = {one["category"] for one in answer["categories"]}
    drawn = Counter((one["item"]["type"], one.get("because")) for one in answer["suggestions"])
    expect(max(drawn.values(), default=0) <= amount, "more suggestions for a category than requested")
    for one in answer["suggestions"]:
        because = one.get("because")
        expect((because is None) == (not categories), "a reason without categories, or none with categories")
        expect(because is None or because in categories, "a reason that is not one of the categories")
        expect(because is None or because in one["item"]["category"], "a reason that is not the item's category")
    categories_drawn = Counter(item_type for item_type, because in drawn if because)
    most = max(categories_drawn.values(), default=0)
    expect(most <= TOP_CATEGORIES, f"{most} categories for one type")
