"""What a right answer holds beside its status. Each check raises Wrong, in words that tell no two ids apart: Locust
counts failures by their text.

Nothing here knows Locust, so that each check can be tried on made-up answers.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from load.locust_users.marks import CHOSEN, Item, Marks, path

Json = Any
MOST_USERNAMES = 20


class Wrong(Exception):
    """What was wrong with an answer."""


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Wrong(otherwise)


def status(found: int, wanted: int, body: str | None) -> None:
    """An error's answer says in `detail` what it was."""
    if found != wanted:
        try:
            detail = json.loads(body or "")["detail"]
        except (ValueError, LookupError, TypeError):
            detail = "no problem document"
        raise Wrong(f"{found} instead of {wanted}: {detail}")


def item(said: Json, expected: Item) -> None:
    expect(said == expected, "another item than the page showed")


def page(said: Json, number: int, size: int, of_type: str | None) -> None:
    items = said["items"]
    expect((said["page"], said["size"]) == (number, size), "another page, or page size, than was asked for")
    expect(said["missing"] == [], f"missing: {', '.join(said['missing'])}")
    full = min(size, said["total"] - (number - 1) * size)
    expect(len(items) == full, f"{len(items)} items instead of {full}")
    expect(full > 0, "an empty page")
    expect(len({path(one) for one in items}) == len(items), "an item twice on a page")
    expect(all(one["type"] == of_type for one in items if of_type), "an item of another type")


def usernames(said: Json, prefix: str, known: str | None) -> None:
    """`known` is a name that begins with the prefix and is taken; the first twenty may leave it out."""
    found: Sequence[str] = said["usernames"]
    expect(len(found) <= MOST_USERNAMES, f"{len(found)} names instead of at most {MOST_USERNAMES}")
    expect(all(name.casefold().startswith(prefix.casefold()) for name in found), "a name that begins otherwise")
    expect(known is None or known in found or len(found) == MOST_USERNAMES, "a name was not found")


def address(said: str, start: str, *parameters: str) -> None:
    """An address that begins so, with these parameters in its query."""
    expect(said.split("?")[0] == start, "sent to another place than the identity provider")
    query = parse_qs(urlsplit(said).query)
    lacking = [name for name in parameters if name not in query]
    expect(not lacking, f"the address lacks {', '.join(lacking)}")


def empty(said: str | None) -> None:
    expect(not said, "a body where none should be")


def newest(said: Json, marked: Item) -> None:
    """A page of one's marks, right after that item was marked."""
    expect(said["missing"] == [], f"missing: {', '.join(said['missing'])}")
    expect(bool(said["items"]) and said["items"][0]["item"] == marked, "what was marked is not in the list")


def suggestions(said: Json, types: Sequence[str], amount: int, marks: Marks, known: Sequence[Item]) -> None:
    """For somebody with these marks, which the points must add up to. `known` are items that there are."""
    expect(said["personal"] is True, "not personal")
    expect(said["missing"] == [], f"missing: {', '.join(said['missing'])}")
    items = [one["item"] for one in said["suggestions"]]
    found = {one["type"] for one in items}
    expect(found <= set(types), "a suggestion of another type")
    # Of a type without items in one's categories nothing is suggested, so "none" may be right.
    expect(found >= _due(types, marks, known), "no suggestions of a type that has some")
    expect(not {path(one) for one in items} & marks.paths(), "a suggestion of something marked")
    expect(len({path(one) for one in items}) == len(items), "a suggestion twice")
    _points(said, marks)
    _reasons(said, amount)


def _due(types: Sequence[str], marks: Marks, known: Sequence[Item]) -> set[str]:
    """The types of which something must be suggested, as there is an item in a chosen category, not yet marked."""
    chosen, marked = marks.chosen(), marks.paths()
    anything = not marks.most()  # of the whole type, for who has no points
    return {
        one["type"]
        for one in known
        if one["type"] in types and path(one) not in marked and (anything or chosen & set(one["category"]))
    }


def _points(said: Json, marks: Marks) -> None:
    points = {one["category"]: one["points"] for one in said["categories"]}
    fewest, most = marks.fewest(), marks.most()
    expect(bool(points) or not fewest or not said["suggestions"], "no categories for somebody with points")
    right = all(fewest[category] <= number <= most[category] for category, number in points.items())
    expect(right, "points that the marks do not add up to")
    expect(list(points.values()) == sorted(points.values(), reverse=True), "categories out of order")


def _reasons(said: Json, amount: int) -> None:
    chosen = {one["category"] for one in said["categories"]}
    drawn = Counter((one["item"]["type"], one.get("because")) for one in said["suggestions"])
    expect(max(drawn.values(), default=0) <= amount, "more suggestions for a category than were asked for")
    for one in said["suggestions"]:
        because = one.get("because")
        expect((because is None) == (not chosen), "a reason where there is none, or none where there is one")
        expect(because is None or because in chosen, "a reason that is no chosen category")
        expect(because is None or because in one["item"]["category"], "a reason that is not the item's category")
    reasons = {(of, because) for of, because in drawn if because}
    most = max(Counter(of for of, _ in reasons).values(), default=0)
    expect(most <= CHOSEN, f"{most} categories for one type")
