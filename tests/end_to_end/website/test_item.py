"""The page of an item: its facts, its cover, similar items, and names that are hard to show."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.local.suite import ROOT
from tests.end_to_end.api import Item, add_book, path
from tests.end_to_end.suites import SuiteUnderTest
from tests.end_to_end.website.visits import Visit, card, is_wider_than_window, search, visit


def test_an_item_has_a_page(page: Page, hobbit: Item) -> None:
    search(page, "the hobbit")
    card(page, "The Hobbit").get_by_role("link").click()

    expect(page).to_have_url(re.compile(f"/\\?item=BOOK/{hobbit['id']}$"))
    expect(page).to_have_title("The Hobbit · Seen")
    expect(page.get_by_role("heading", level=1)).to_have_text("The Hobbit")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    text = page.locator("main")
    expect(text).to_contain_text(hobbit["description"])
    expect(text).to_contain_text(f"{hobbit['rating']:.1f} of 10")
    expect(text).to_contain_text(f"{hobbit['votes']:,} votes")
    expect(page.get_by_role("list", name="Categories").get_by_role("link")).to_have_text(hobbit["category"])
    source = page.get_by_role("link", name="Goodreads")
    expect(source).to_have_attribute("href", f"https://www.goodreads.com/book/show/{hobbit['sourceId']}")


def test_an_item_shows_what_is_similar(visitor: Visit, hobbit: Item) -> None:
    visitor.open(f"/?item=BOOK/{hobbit['id']}")
    similar = visitor.page.locator("section").filter(has=visitor.page.get_by_role("heading", level=2))
    expect(similar.get_by_role("article").first).to_be_visible()
    expect(similar.get_by_role("heading", name="The Hobbit", exact=True)).to_have_count(0)


def test_a_category_of_an_item_leads_to_the_items_that_have_it(visitor: Visit, hobbit: Item) -> None:
    visitor.open(f"/?item=BOOK/{hobbit['id']}")
    visitor.page.get_by_role("list", name="Categories").get_by_role("link", name="Fantasy").click()
    expect(visitor.page).to_have_url(re.compile(r"/\?type=BOOK&category=Fantasy$"))


def test_a_missing_item_is_reported(visitor: Visit) -> None:
    visitor.expected_statuses = {404}
    visitor.open("/?item=BOOK/000000000000000000000000")
    expect(visitor.page.get_by_text("There is no such item.")).to_be_visible()


def test_a_cover_that_loads_is_shown_over_the_tile(visitor: Visit, hobbit: Item) -> None:
    picture = (ROOT / "docs" / "pictures" / "quality-new.png").read_bytes()
    visitor.page.route(re.compile("^https://"), lambda route: route.fulfill(body=picture, content_type="image/png"))
    visitor.open(f"/?item=BOOK/{hobbit['id']}")
    expect(visitor.page.locator(".item-cover .has-picture img")).to_be_visible()


def test_a_cover_that_does_not_load_leaves_a_tile_with_the_name(visitor: Visit, hobbit: Item) -> None:
    visitor.open(f"/?item=BOOK/{hobbit['id']}")
    expect(visitor.page.locator(".item-cover img")).to_have_count(0)
    expect(visitor.page.locator(".item-cover .tile-name")).to_have_text("The Hobbit")
    assert hobbit["imageUrl"] in visitor.covers


STRANGE_NAMES = {
    "HTML": "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "right to left": "משחקי הכס — العربية",
    "one long word": "Pneumonoultramicroscopic" * 20,
    "many words": "A very long title that goes on and on " * 12,
}


@pytest.mark.parametrize("name", STRANGE_NAMES.values(), ids=STRANGE_NAMES.keys())
def test_a_strange_name_is_shown_as_it_is(
    browser: Browser, suite: SuiteUnderTest, admin: httpx.Client, name: str
) -> None:
    name = name.strip()
    # The cover is not HTTPS: the visit would report a request for it.
    item = add_book(admin, name, description=f"{name}\nand a second line", imageUrl="http://example.com/cover.jpg")
    try:
        with visit(browser, suite, viewport={"width": 320, "height": 700}) as visitor:
            visitor.open(f"/?item={item['type']}/{item['id']}")
            expect(visitor.page.get_by_role("heading", level=1)).to_have_text(name)
            assert not is_wider_than_window(visitor.page)
            search(visitor.page, name[:100])
            expect(visitor.page.get_by_role("article").get_by_role("heading").first).to_have_text(name)
            assert not is_wider_than_window(visitor.page)
    finally:
        admin.delete(path(item)).raise_for_status()
