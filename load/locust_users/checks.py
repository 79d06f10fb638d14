"""Checks of answers. Each raises WrongAnswer; its message contains no ids, because Locust counts failures by message.

Independent of Locust, so that each check can be tested with made-up answers. The constants of the API are repeated here
and in marks.py, because Locust's image does not contain the services; tests compare them.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from load.locust_users.marks import POINTS, TOP_CATEGORIES, Item, Marks, item_path

Json = Any
MAX_USERNAMES = 20


class WrongAnswer(Exception):
    """The message says what is wrong with the answer."""


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise WrongAnswer(otherwise)


def status(actual: int, expected: int, body: str | bytes) -> None:
    """If the status is wrong, the message quotes `detail` of the problem document."""
    if actual != expected:
        try:
            detail = json.loads(body)["detail"]
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
    expect(all(item["type"] == item_type for item in items if item_type), "an item of another type")


def usernames(answer: Json, prefix: str, username: str | None) -> None:
    """`username` exists and begins with the prefix; only a list of MAX_USERNAMES may lack it."""
    names: Sequence[str] = answer["usernames"]
    expect(len(names) <= MAX_USERNAMES, f"{len(names)} names instead of at most {MAX_USERNAMES}")
    expect(all(name.casefold().startswith(prefix.casefold()) for name in names), "a name with another prefix")
    expect(username is None or username in names or len(names) == MAX_USERNAMES, "a name is missing")


def redirect(location: str, address: str, *parameters: str) -> None:
    """`location` must be the address with a query that has these parameters."""
    expect(location.split("?")[0] == address, "redirected to another address than the identity provider's")
    query = parse_qs(urlsplit(location).query)
    missing = [name for name in parameters if name not in query]
    expect(not missing, f"the redirect lacks {', '.join(missing)}")


def empty(body: str | bytes) -> None:
    expect(not body, "a body where none should be")


def newest_mark(answer: Json, marked: Item) -> None:
    """`answer`: a page of the member's marks, requested right after the item was marked."""
    _complete(answer)
    expect(bool(answer["items"]) and answer["items"][0]["item"] == marked, "the new mark is not in the list")


def suggestions(answer: Json, types: Sequence[str], amount: int, marks: Marks, existing: Sequence[Item]) -> None:
    """`marks`: the member's. `existing`: items of the library; types that have some must have suggestions."""
    expect(answer["personal"] is True, "not personal")
    _complete(answer)
    items = [suggestion["item"] for suggestion in answer["suggestions"]]
    suggested_types = {item["type"] for item in items}
    expect(suggested_types <= set(types), "a suggestion of another type")
    # A type without items in the member's categories has no suggestions.
    expect(suggested_types >= _types_due(types, marks, existing), "no suggestions of a type that has some")
    expect(not {item_path(item) for item in items} & marks.confirmed_paths(), "a suggestion of a marked item")
    _distinct(items)
    _check_points(answer, marks)
    _check_reasons(answer, amount)


def _complete(answer: Json) -> None:
    expect(answer["missing"] == [], f"missing: {', '.join(answer['missing'])}")


def _distinct(items: Sequence[Item]) -> None:
    expect(len({item_path(item) for item in items}) == len(items), "an item twice")


def _types_due(types: Sequence[str], marks: Marks, existing: Sequence[Item]) -> set[str]:
    """The types that have an unmarked item of a top theme of the member; of any theme if the member has no points."""
    themes, marked = marks.top_categories(), marks.confirmed_paths()
    any_theme = not marks.max_points()
    return {
        item["type"]
        for item in existing
        if item["type"] in types and item_path(item) not in marked and (any_theme or themes & set(item["themes"]))
    }


def _check_points(answer: Json, marks: Marks) -> None:
    categories = answer["categories"]
    expect(
        bool(categories) or not marks.min_points() or not answer["suggestions"],
        "no categories for a member with points",
    )
    for count, mark in (("seen", "seen"), ("liked", "like")):
        lowest, highest = marks.min_counts(mark), marks.max_counts(mark)
        possible = all(lowest[entry["category"]] <= entry[count] <= highest[entry["category"]] for entry in categories)
        expect(possible, f"another number of {count} items than were marked")
    points = [entry["points"] for entry in categories]
    expected = [entry["seen"] * POINTS["seen"] + entry["liked"] * POINTS["like"] for entry in categories]
    expect(points == expected, "points that differ from the sum of the marks")
    expect(points == sorted(points, reverse=True), "categories out of order")


def _check_reasons(answer: Json, amount: int) -> None:
    reasons = [{name: entry[name] for name in ("category", "seen", "liked")} for entry in answer["categories"]]
    counts: Counter[tuple[str, str | None]] = Counter()
    for suggestion in answer["suggestions"]:
        item, because = suggestion["item"], suggestion.get("because")
        expect((because is None) == (not reasons), "a reason without categories, or none with categories")
        expect(because is None or because in reasons, "a reason that is not one of the categories")
        expect(
            because is None or because["category"] in item["themes"], "a reason that is not one of the item's themes"
        )
        counts[item["type"], because and because["category"]] += 1
    expect(max(counts.values(), default=0) <= amount, "more suggestions for a category than requested")
    categories_by_type = Counter(item_type for item_type, category in counts if category)
    most = max(categories_by_type.values(), default=0)
    expect(most <= TOP_CATEGORIES, f"{most} categories for one type")
