"""Browsing without an account: lists, tabs, categories, search, and "back"."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.api import Item, get, items, mark
from tests.end_to_end.website.visits import Visit, card, has_more_cards_than, search, settled


def test_the_first_page_shows_items_of_all_types(page: Page) -> None:
    links = page.get_by_role("article").get_by_role("link")
    addresses = [link.get_attribute("href") or "" for link in links.all()]
    assert {address.removeprefix("/?item=").split("/")[0] for address in addresses} == {"BOOK", "SHOW", "ANIME"}


def test_no_item_is_shown_twice(page: Page) -> None:
    keys = page.get_by_role("article").evaluate_all("articles => articles.map(article => article.dataset.key)")
    assert len(keys) == len(set(keys))


def test_a_known_book_is_found_from_the_keyboard(page: Page) -> None:
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.keyboard.type("the hobb")
    expect(card(page, "The Hobbit")).to_be_visible()
    expect(page).to_have_title("“the hobb” · Seen")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()


def test_a_search_without_result_says_so(page: Page) -> None:
    search(page, "zzzzzz")
    expect(page.get_by_text("Nothing is called “zzzzzz”.")).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(0)


def test_a_tab_shows_one_type(page: Page) -> None:
    expect(page.get_by_role("tab")).to_have_text(["All", "Books", "Films and shows", "Anime"])
    page.get_by_role("tab", name="Anime").click()
    expect(page).to_have_url(re.compile(r"/\?type=ANIME$"))
    settled(page)
    keys = page.get_by_role("article").evaluate_all("articles => articles.map(article => article.dataset.key)")
    assert keys
    assert all(key.startswith("ANIME/") for key in keys)


def test_arrow_keys_move_between_tabs(page: Page) -> None:
    page.get_by_role("tab", name="All").focus()
    page.keyboard.press("ArrowRight")
    books = page.get_by_role("tab", name="Books")
    expect(books).to_be_focused()
    expect(books).to_have_attribute("aria-selected", "true")
    expect(page).to_have_url(re.compile(r"type=BOOK$"))


def test_a_category_filters_and_is_removed_again(page: Page, anyone: httpx.Client) -> None:
    chip = page.get_by_role("group", name="Categories").get_by_role("button", name="Fantasy", exact=True)
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile(r"category=Fantasy$"))
    settled(page)
    first = get(anyone, "/lib/1", category="Fantasy", size=24)["items"]
    expect(page.get_by_role("article").get_by_role("heading")).to_contain_text([item["name"] for item in first])
    chip.click()
    expect(page).not_to_have_url(re.compile("category"))


def test_more_is_shown_by_scrolling_and_then_by_a_button(visitor: Visit) -> None:
    visitor.open("/?type=SHOW")
    page = visitor.page
    for _ in range(3):
        load_more_by_scrolling(page)
    before = page.get_by_role("article").count()
    page.get_by_role("button", name="Show more").click()
    has_more_cards_than(page, before)
    # The keyboard goes on where the new cards begin.
    expect(page.get_by_role("article").nth(before).get_by_role("link")).to_be_focused()


def load_more_by_scrolling(page: Page) -> int:
    """Returns how many cards there were before."""
    before = page.get_by_role("article").count()
    page.mouse.wheel(0, 20_000)
    has_more_cards_than(page, before)
    settled(page)
    return before


def test_a_shared_address_shows_the_same(visitor: Visit) -> None:
    visitor.open("/?type=ANIME&q=cowboy")
    page = visitor.page
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("cowboy")
    expect(page.get_by_role("tab", name="Anime")).to_have_attribute("aria-selected", "true")
    expect(card(page, "Cowboy Bebop")).to_be_visible()


def test_back_returns_to_the_same_place(visitor: Visit) -> None:
    visitor.open("/?type=SHOW")
    page = visitor.page
    before = load_more_by_scrolling(page)
    opened = page.get_by_role("article").nth(before + 2)
    link = opened.get_by_role("link")
    name = link.inner_text()
    link.scroll_into_view_if_needed()
    shown, scrolled = page.get_by_role("article").count(), page.evaluate("scrollY")
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.go_back()
    expect(link).to_be_focused()
    assert page.get_by_role("article").count() >= shown
    assert page.evaluate("scrollY") == pytest.approx(scrolled, abs=5)


def test_back_from_tab_to_tab_shows_the_list_as_it_was(visitor: Visit) -> None:
    visitor.open("/?type=SHOW")
    page = visitor.page
    before = load_more_by_scrolling(page)
    page.get_by_role("tab", name="Anime").click()
    expect(page).to_have_url(re.compile("type=ANIME$"))
    settled(page)
    page.go_back()
    expect(page.get_by_role("tab", name="Films and shows")).to_have_attribute("aria-selected", "true")
    settled(page)
    has_more_cards_than(page, before)


def test_back_after_a_search_returns_to_what_was_before(page: Page) -> None:
    page.get_by_role("searchbox", name="Search").press_sequentially("hobbit", delay=400)  # slower than the field waits
    expect(card(page, "The Hobbit")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("")


def test_the_top_ten_has_the_most_liked_first(
    visitor: Visit, ana: httpx.Client, rui: httpx.Client, hobbit: Item
) -> None:
    other = items(ana, type="BOOK", size=3)[1]
    mark(ana, hobbit, "like")
    mark(rui, hobbit, "like")
    mark(rui, other, "like")
    visitor.open()
    visitor.page.get_by_role("link", name="Top ten").click()
    settled(visitor.page)
    expected = [entry["item"]["name"] for entry in get(ana, "/getTopTen/BOOK")["items"]]
    books = visitor.page.locator("section").filter(has=visitor.page.get_by_role("heading", name="Books", level=2))
    expect(books.get_by_role("article").get_by_role("heading")).to_have_text(expected)
    expect(card(visitor.page, "The Hobbit")).to_contain_text("2 likes")
