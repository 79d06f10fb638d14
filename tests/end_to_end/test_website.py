"""The website as people use it, in a real browser against a real suite."""

import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.local.suite import ROOT
from tests.end_to_end.api import JOB_TIMEOUT_S, Item, get, items, job_answer, mark, path
from tests.end_to_end.suites import SuiteUnderTest, wait_for
from tests.end_to_end.website import Visit, card, choose_user, note, search, see_pressed, settled, sign_in, visit

FOLDER = ROOT / "services" / "website"
MAX_SIZE = 60_000  # bytes, compressed, of all files together


@pytest.fixture
def visitor(browser: Browser, suite: SuiteUnderTest) -> Iterator[Visit]:
    with visit(browser, suite) as visitor:
        yield visitor


@pytest.fixture
def page(visitor: Visit) -> Page:
    """The first page, signed out."""
    visitor.open()
    return visitor.page


@pytest.fixture
def hobbit(anyone: httpx.Client) -> Item:
    return items(anyone, type="BOOK", search="The Hobbit")[0]


# Signed out


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
        before = page.get_by_role("article").count()
        page.mouse.wheel(0, 20_000)
        has_more_than(page, before)
        settled(page)
    before = page.get_by_role("article").count()
    page.get_by_role("button", name="Show more").click()
    has_more_than(page, before)
    # The keyboard goes on where the new cards begin.
    expect(page.get_by_role("article").nth(before).get_by_role("link")).to_be_focused()


def has_more_than(page: Page, number: int) -> None:
    # Playwright's own way to wait for a number evaluates text, which the page's policy forbids.
    wait_for(lambda: page.get_by_role("article").count() > number)


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


def test_a_category_of_an_item_leads_to_its_like(visitor: Visit, hobbit: Item) -> None:
    visitor.open(f"/?item=BOOK/{hobbit['id']}")
    visitor.page.get_by_role("list", name="Categories").get_by_role("link", name="Fantasy").click()
    expect(visitor.page).to_have_url(re.compile(r"/\?type=BOOK&category=Fantasy$"))


def test_an_item_that_does_not_exist_is_said_to(visitor: Visit) -> None:
    visitor.expected_statuses = {404}
    visitor.open("/?item=BOOK/000000000000000000000000")
    expect(visitor.page.get_by_text("There is no such item.")).to_be_visible()


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


def test_suggestions_without_an_account(page: Page, hobbit: Item) -> None:
    page.get_by_role("link", name="For you").click()
    page.get_by_role("searchbox", name="Find something you like").fill("hobbit")
    pick = card(page, "The Hobbit").get_by_role("button", name="Pick")
    pick.click()

    expect(pick).to_have_attribute("aria-pressed", "true")
    expect(pick).to_be_focused()
    expect(page).to_have_url(re.compile(f"view=for-you&likes=BOOK/{hobbit['id']}$"))
    suggestions = page.get_by_role("region", name="Suggestions")
    expect(suggestions.get_by_role("article").first).to_be_visible()
    expect(suggestions).to_contain_text(re.compile("Because you like|(Fantasy|Adventure), like The Hobbit"))

    page.reload()
    expect(page.get_by_role("button", name="Remove The Hobbit")).to_be_visible()
    expect(suggestions.get_by_role("article").first).to_be_visible()


def test_a_shared_address_shows_the_same(visitor: Visit) -> None:
    visitor.open("/?type=ANIME&q=cowboy")
    page = visitor.page
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("cowboy")
    expect(page.get_by_role("tab", name="Anime")).to_have_attribute("aria-selected", "true")
    expect(card(page, "Cowboy Bebop")).to_be_visible()


def test_back_returns_to_the_same_place(visitor: Visit) -> None:
    visitor.open("/?type=SHOW")
    page = visitor.page
    before = page.get_by_role("article").count()
    page.mouse.wheel(0, 20_000)
    has_more_than(page, before)
    settled(page)
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


def test_back_after_a_search_returns_to_what_was_before(page: Page) -> None:
    page.get_by_role("searchbox", name="Search").press_sequentially("hobbit", delay=400)  # slower than the field waits
    expect(card(page, "The Hobbit")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("")


# Signed in


def test_sign_in_and_sign_out(page: Page) -> None:
    sign_in(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.reload()
    settled(page)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_sign_in_returns_to_the_same_place(visitor: Visit) -> None:
    visitor.open("/?type=ANIME&q=cowboy")
    sign_in(visitor.page)
    expect(visitor.page).to_have_url(f"{visitor.suite.url}/?type=ANIME&q=cowboy")
    expect(card(visitor.page, "Cowboy Bebop")).to_be_visible()


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


def test_a_mark_that_the_api_refuses_is_taken_back(
    visitor: Visit, page: Page, ana: httpx.Client, admin: httpx.Client
) -> None:
    item = new_item(admin, "Removed While You Look")
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


def test_a_mark_before_the_sign_in_is_made_after_it(page: Page, ana: httpx.Client, hobbit: Item) -> None:
    search(page, "the hobbit")
    card(page, "The Hobbit").get_by_role("button", name="Seen").click()
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        choose_user(page, "Ana")
    see_pressed(card(page, "The Hobbit"), "Seen")
    assert [entry["item"]["id"] for entry in get(ana, "/user/seen")["items"]] == [hobbit["id"]]


def test_a_token_that_is_refused_in_mid_use_leads_to_the_sign_in_and_back(
    visitor: Visit, page: Page, ana: httpx.Client, hobbit: Item
) -> None:
    sign_in(page)
    search(page, "the hobbit")
    visitor.expected_statuses = {401}
    # As if the token had expired; the gateway's answer is a real one.
    expired = {"authorization": "Bearer expired"}
    page.route("**/seen", lambda route: route.continue_(headers={**route.request.headers, **expired}), times=1)
    with page.expect_response(lambda answer: answer.request.method == "PUT" and answer.status == 204):
        card(page, "The Hobbit").get_by_role("button", name="Seen").click()
    expect(page).to_have_url(re.compile(r"q=the\+hobbit$"))
    see_pressed(card(page, "The Hobbit"), "Seen")
    assert len(get(ana, "/user/seen")["items"]) == 1


def test_the_token_is_stored_nowhere(page: Page) -> None:
    sign_in(page)
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert json.loads(stored) == [{}, {"seen.signed_in": "yes"}, ""]


def test_suggestions_are_headed_by_their_reasons(page: Page, ana: httpx.Client) -> None:
    for item in items(ana, type="BOOK", category="Fantasy", size=8):
        mark(ana, item, "seen", "like")
    sign_in(page)
    page.get_by_role("link", name="For you").click()
    settled(page)
    reasons = page.get_by_role("heading", level=2).all_inner_texts()
    allowed = re.compile(r"Because you like .+: \d+ seen, \d+ liked|Because you liked .+|Popular .+|Also for you")
    assert [reason for reason in reasons if not allowed.fullmatch(reason)] == []
    assert "Because you like Fantasy: 8 seen, 8 liked" in reasons


def test_after_one_mark_suggestions_say_what_they_have_in_common_with_it(
    page: Page, ana: httpx.Client, hobbit: Item
) -> None:
    mark(ana, hobbit, "seen", "like")
    sign_in(page)
    page.get_by_role("link", name="For you").click()
    settled(page)
    expect(page.get_by_role("article").filter(has_text=", like The Hobbit").first).to_be_visible()
    expect(page.get_by_role("article").get_by_role("heading", name="The Hobbit", exact=True)).to_have_count(0)


def test_not_for_me_hides_a_suggestion_until_it_is_undone(page: Page, ana: httpx.Client, hobbit: Item) -> None:
    mark(ana, hobbit, "like")
    sign_in(page)
    page.get_by_role("link", name="For you").click()
    settled(page)
    first = page.get_by_role("article").first
    key, second_key = (page.get_by_role("article").nth(number).get_attribute("data-key") for number in (0, 1))
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        first.get_by_role("button", name="Not for me").click()
    expect(page.locator(f"article[data-key='{key}']")).to_have_count(0)
    expect(page.locator(f"article[data-key='{second_key}']").get_by_role("button", name="Not for me")).to_be_focused()
    assert [f"{entry['item']['type']}/{entry['item']['id']}" for entry in hidden(ana)] == [key]

    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        note(page).get_by_role("button", name="Undo").click()
    expect(page.get_by_role("article").first).to_have_attribute("data-key", str(key))
    assert hidden(ana) == []


def hidden(client: httpx.Client) -> list[Item]:
    listed: list[Item] = get(client, "/user/notInterested")["items"]
    return listed


def test_more_adds_suggestions_that_were_not_there(page: Page, ana: httpx.Client, hobbit: Item) -> None:
    mark(ana, hobbit, "like")
    sign_in(page)
    page.get_by_role("link", name="For you").click()
    settled(page)
    before = page.get_by_role("article").count()
    page.get_by_role("button", name="More").first.click()
    has_more_than(page, before)
    keys = page.get_by_role("article").evaluate_all("articles => articles.map(article => article.dataset.key)")
    assert len(keys) == len(set(keys))


def test_somebody_without_marks_is_told_how_to_begin(page: Page, ana: httpx.Client) -> None:
    sign_in(page)
    page.get_by_role("link", name="For you").click()
    expect(page.get_by_text("You have marked nothing yet")).to_be_visible()
    expect(page.get_by_role("heading", name="Popular with many people")).to_be_visible()


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


def test_my_list_invites_those_who_are_signed_out(visitor: Visit, ana: httpx.Client) -> None:
    visitor.open("/?view=list")
    visitor.page.get_by_role("button", name="Continue with an account").click()
    choose_user(visitor.page, "Ana")
    expect(visitor.page).to_have_url(re.compile("view=list$"))


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


def test_the_account_is_deleted_when_asked_twice(page: Page, ana: httpx.Client, hobbit: Item) -> None:
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


def test_others_are_not_offered_what_only_administrators_may(visitor: Visit, page: Page, hobbit: Item) -> None:
    sign_in(page)
    visitor.open(f"/?item=BOOK/{hobbit['id']}")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page.get_by_role("button", name="Remove this item")).to_have_count(0)


# Insight


def test_insight_shows_both_answers_and_their_evidence(visitor: Visit, page: Page, anyone: httpx.Client) -> None:
    page.get_by_role("link", name="Insight").click()
    settled(page)
    director = job_answer(anyone, "/bestDirector")
    connected = job_answer(anyone, "/moreConnected")
    expect(page.locator("main")).to_contain_text(
        f"has worked with {connected['winner']['coworkers']:,} different people"
    )
    expect(page.locator("main")).to_contain_text(f"over {director['winner']['films']} films")
    ranks = page.get_by_role("table", name="Directors by average rating").get_by_role("rowheader")
    expect(ranks).to_have_text([rank["person"]["name"] for rank in (director["winner"], *director["runnersUp"])])
    page.get_by_text("films that count").click()
    films = page.get_by_role("table", name=f"Films of {director['winner']['person']['name']}").get_by_role("rowheader")
    expect(films).to_have_text([film["name"] for film in director["films"]])
    expect(page.get_by_role("img", name="Films of")).to_be_visible()


def test_insight_shows_the_progress_until_there_is_an_answer(visitor: Visit) -> None:
    visitor.open("/?view=insight")
    page = visitor.page
    page.get_by_role("spinbutton", name="Films, at least").fill("1")
    votes = random.randint(1, 1_000)  # not computed before
    page.get_by_role("spinbutton", name="Votes of each film, at least").fill(str(votes))
    page.get_by_role("button", name="Ask").click()
    expect(page).to_have_url(re.compile(f"minFilms=1&minVotes={votes}$"))
    expect(page.get_by_role("progressbar", name="Being computed").first).to_be_visible()
    expect(page.get_by_role("table", name="Directors by average rating")).to_be_visible(timeout=JOB_TIMEOUT_S * 1000)


# The answer to GET /user/login


def test_the_access_token_of_user_login_is_shown_for_copying(page: Page, suite: SuiteUnderTest) -> None:
    page.goto(f"{suite.url}/user/login")
    page.get_by_role("button", name="Continue as Ana").click()
    token = page.get_by_role("textbox", name="access token").input_value()
    assert page.url == f"{suite.url}/"
    assert page.evaluate("document.cookie") == ""
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as client:
        assert client.get(f"{suite.url}/user/seen").status_code == 200


def test_a_token_that_was_not_asked_for_is_refused(visitor: Visit) -> None:
    visitor.page.goto(f"{visitor.suite.url}/#access_token=abc&state=def")
    expect(visitor.page.get_by_role("alert")).to_have_text(
        "Sign-in failed: the response does not belong to a sign-in started here"
    )


def test_a_code_that_was_not_asked_for_is_refused(visitor: Visit) -> None:
    visitor.open("/?code=abc&state=def")
    expect(note(visitor.page)).to_contain_text("does not belong to a sign-in started here")
    expect(visitor.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert visitor.page.url == f"{visitor.suite.url}/"


# Covers


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


# Texts of items


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
    item = new_item(admin, name, description=f"{name}\nand a second line", imageUrl="http://example.com/cover.jpg")
    try:
        with visit(browser, suite, viewport={"width": 320, "height": 700}) as visitor:
            visitor.open(f"/?item={item['type']}/{item['id']}")
            expect(visitor.page.get_by_role("heading", level=1)).to_have_text(name)
            fits(visitor.page)
            search(visitor.page, name[:100])
            expect(visitor.page.get_by_role("article").get_by_role("heading").first).to_have_text(name)
            fits(visitor.page)
    finally:
        admin.delete(path(item)).raise_for_status()


def new_item(admin: httpx.Client, name: str, **fields: str) -> Item:
    answer = admin.post("/item", json={"type": "BOOK", "name": name, "category": ["Fantasy"], **fields})
    answer.raise_for_status()
    item: Item = answer.json()
    return item


def fits(page: Page) -> None:
    """Nothing is wider than the window."""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


# The files


def test_the_files_are_small(suite: SuiteUnderTest) -> None:
    with httpx.Client(base_url=suite.url) as client:
        page = client.get("/").text
        app = re.search(r"/app/[0-9a-f]+", page)
        assert app
        names = [name.relative_to(FOLDER).as_posix() for name in files()]
        sizes = {
            name: len(client.get(f"{app[0]}/{name}").raise_for_status().content) and compressed(FOLDER / name)
            for name in names
        }
    assert sum(sizes.values()) + compressed(FOLDER / "index.html") <= MAX_SIZE, sizes


def compressed(file: Path) -> int:
    return len(gzip.compress(file.read_bytes()))


def files() -> list[Path]:
    return [file for file in FOLDER.rglob("*") if file.suffix in (".js", ".css", ".svg")]


def test_the_page_announces_every_module_to_the_browser() -> None:
    page = (FOLDER / "index.html").read_text()
    announced = re.findall(r'(?:rel="modulepreload" href|type="module" src)="__APP__/([^"]+)"', page)
    assert sorted(announced) == sorted(file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*.js"))
