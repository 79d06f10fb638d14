"""Marks: shown at once, undone, taken back if the API refuses them, and listed in My list."""

import re

import httpx
from playwright.sync_api import Page, expect

from tests.end_to_end.api import Item, add_book, get, items, mark, path
from tests.end_to_end.website.visits import Visit, card, choose_user, note, search, see_pressed, sign_in


def test_a_mark_is_shown_at_once_and_stored(page: Page, ana: httpx.Client, hobbit: Item) -> None:
    sign_in(page)
    search(page, "the hobbit")
    found = card(page, "The Hobbit")
    for button in ("Seen", "Like"):
        with page.expect_response(lambda answer: answer.request.method == "PUT") as answered:
            found.get_by_role("button", name=button).click()
            see_pressed(found, button)
        assert answered.value.status == 204
        expect(found.get_by_role("button", name=button)).to_be_focused()

    assert get(ana, "/user/marks", items=f"BOOK/{hobbit['id']}")["marks"] == [
        {"item": {"type": "BOOK", "id": hobbit["id"]}, "seen": True, "liked": True, "notInterested": False}
    ]
    expect(page.get_by_role("status")).to_have_text("You like The Hobbit.")


def test_marks_are_there_after_a_reload(page: Page, ana: httpx.Client, hobbit: Item) -> None:
    mark(ana, hobbit, "like")
    sign_in(page)
    search(page, "the hobbit")
    page.reload()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page).to_have_url(re.compile(r"q=the\+hobbit$"))
    see_pressed(card(page, "The Hobbit"), "Like")
    see_pressed(card(page, "The Hobbit"), "Seen", False)


def test_a_mark_is_undone(page: Page, ana: httpx.Client, hobbit: Item) -> None:
    sign_in(page)
    search(page, "the hobbit")
    found = card(page, "The Hobbit")
    found.get_by_role("button", name="Seen").click()
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        note(page).get_by_role("button", name="Undo").click()
    see_pressed(found, "Seen", False)
    expect(found.get_by_role("button", name="Seen")).to_be_focused()
    assert get(ana, "/user/seen")["items"] == []


def test_a_note_goes_away_unless_it_has_the_focus(page: Page, ana: httpx.Client) -> None:
    page.clock.install()
    sign_in(page)
    search(page, "the hobbit")
    seen = card(page, "The Hobbit").get_by_role("button", name="Seen")
    seen.click()
    undo = note(page).get_by_role("button", name="Undo")
    undo.focus()
    page.clock.fast_forward(60_000)
    expect(undo).to_be_focused()
    seen.focus()
    page.clock.fast_forward(60_000)
    expect(note(page)).to_have_count(0)


def test_a_mark_that_the_api_refuses_is_taken_back(
    visitor: Visit, page: Page, ana: httpx.Client, admin: httpx.Client
) -> None:
    item = add_book(admin, "Removed While You Look")
    sign_in(page)
    search(page, item["name"])
    admin.delete(path(item)).raise_for_status()
    visitor.expected_statuses = {404}
    found = card(page, item["name"])
    found.get_by_role("button", name="Seen").click()
    expect(note(page)).to_contain_text("could not be changed")
    expect(note(page)).to_contain_text(item["id"])
    see_pressed(found, "Seen", False)
    expect(note(page).get_by_role("button", name="Try again")).to_be_visible()


def test_my_list_has_the_newest_mark_first(page: Page, ana: httpx.Client) -> None:
    marked = items(ana, size=3)
    for item in marked:
        mark(ana, item, "seen")
    mark(ana, marked[1], "like")
    sign_in(page)
    page.get_by_role("link", name="My list").click()
    names = page.get_by_role("article").get_by_role("heading")
    expect(names).to_have_text([item["name"] for item in reversed(marked)])
    page.get_by_role("tab", name="Liked").click()
    expect(names).to_have_text([marked[1]["name"]])


def test_a_long_list_is_shown_page_by_page(page: Page, ana: httpx.Client) -> None:
    for item in items(ana, size=30):
        mark(ana, item, "seen")
    sign_in(page)
    page.get_by_role("link", name="My list").click()
    expect(page.get_by_role("article")).to_have_count(24)
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("article")).to_have_count(30)


def test_my_list_offers_a_sign_in_that_returns_to_it(visitor: Visit, ana: httpx.Client) -> None:
    visitor.open("/?view=list")
    visitor.page.get_by_role("button", name="Continue with an account").click()
    choose_user(visitor.page, "Ana")
    expect(visitor.page).to_have_url(re.compile("view=list$"))
