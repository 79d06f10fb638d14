"""Suggestions, with an account and without."""

import re

import httpx
from playwright.sync_api import Page, expect

from tests.end_to_end.api import Item, get, items, mark
from tests.end_to_end.website.visits import card, has_more_cards_than, note, settled, sign_in


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
    has_more_cards_than(page, before)
    keys = page.get_by_role("article").evaluate_all("articles => articles.map(article => article.dataset.key)")
    assert len(keys) == len(set(keys))


def test_a_user_without_marks_gets_popular_items_and_a_hint(page: Page, ana: httpx.Client) -> None:
    sign_in(page)
    page.get_by_role("link", name="For you").click()
    expect(page.get_by_text("You have marked nothing yet")).to_be_visible()
    expect(page.get_by_role("heading", name="Popular with many people")).to_be_visible()
