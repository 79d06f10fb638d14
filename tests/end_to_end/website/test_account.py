"""My account, and what only administrators may do."""

import json
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from tests.end_to_end.api import Item, get, items, mark
from tests.end_to_end.website.visits import (
    Visit,
    note,
    sign_in,
)


def test_a_name_is_chosen_and_changed(visitor: Visit, page: Page, ana: httpx.Client, rui: httpx.Client) -> None:
    rui.post("/user", json={"username": "rui.of.the.page"}).raise_for_status()
    sign_in(page)
    visitor.expected_statuses = {404, 409}  # no account yet; the name is taken
    page.get_by_role("link", name="My account").click()
    name = page.get_by_role("textbox", name="Username")
    save = page.get_by_role("button", name="Save")
    name.fill("rui.of.the.page")
    save.click()
    expect(page.locator("main")).to_contain_text("This username is taken.")
    expect(name).to_be_focused()
    for chosen in ("ana.of.the.page", "ana.again"):
        name.fill(chosen)
        save.click()
        expect(note(page)).to_contain_text(f"Your name is {chosen}.")
        assert get(ana, "/user")["username"] == chosen


def test_the_account_is_deleted_after_a_confirmation(page: Page, ana: httpx.Client, hobbit: Item) -> None:
    mark(ana, hobbit, "seen")
    sign_in(page)
    page.get_by_role("link", name="My account").click()
    page.get_by_role("button", name="Delete my account").click()
    question = page.get_by_role("dialog")
    question.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Delete my account")).to_be_focused()
    assert get(ana, "/user")["seen"] == 1

    page.get_by_role("button", name="Delete my account").click()
    expect(question.get_by_role("button", name="Delete account")).to_be_disabled()
    question.get_by_role("checkbox", name="Yes, delete everything").check()
    question.get_by_role("button", name="Delete account").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert ana.get("/user").status_code == 404


def test_all_marks_are_exported(page: Page, ana: httpx.Client, hobbit: Item) -> None:
    mark(ana, hobbit, "seen", "like")
    sign_in(page)
    page.get_by_role("link", name="My account").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export my data").click()
    content = json.loads(Path(download.value.path()).read_text())
    assert content["user"] == get(ana, "/user")
    for kind in ("seen", "liked", "notInterested"):
        assert content[kind] == get(ana, f"/user/{kind}")["items"]


def test_an_administrator_adds_and_removes_an_item(visitor: Visit, page: Page, admin: httpx.Client) -> None:
    sign_in(page, "Admin")
    visitor.expected_statuses = {404}  # no account yet
    page.get_by_role("link", name="My account").click()
    page.get_by_role("link", name="Add an item").click()
    page.get_by_role("combobox", name="Type").select_option("Anime")
    page.get_by_role("textbox", name="Name").fill("An Item of the Website")
    page.get_by_role("textbox", name="Categories").fill("Fantasy, Adventure")
    page.get_by_role("spinbutton", name="Year").fill("2024")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("An Item of the Website")
    [added] = items(admin, search="An Item of the Website")
    assert (added["type"], added["category"], added["year"]) == ("ANIME", ["Fantasy", "Adventure"], 2024)

    page.get_by_role("button", name="Remove this item").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(note(page)).to_contain_text("An Item of the Website is removed.")
    assert items(admin, search="An Item of the Website") == []


def test_a_value_that_is_not_allowed_is_named_beside_its_field(visitor: Visit, page: Page, admin: httpx.Client) -> None:
    sign_in(page, "Admin")
    visitor.open("/?view=add")
    visitor.expected_statuses = {400}
    page.get_by_role("textbox", name="Name").fill("An Item of the Website")
    page.get_by_role("textbox", name="Cover").fill("ftp://example.com/cover.jpg")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("Must be an http or https link.", exact=True)).to_be_visible()
    expect(page.get_by_role("textbox", name="Cover")).to_be_focused()


def test_only_administrators_see_the_button_that_removes_an_item(visitor: Visit, page: Page, hobbit: Item) -> None:
    sign_in(page)
    visitor.open(f"/?item=BOOK/{hobbit['id']}")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page.get_by_role("button", name="Remove this item")).to_have_count(0)
