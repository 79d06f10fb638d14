"""The website while services are killed: what can be shown is shown, what is missing is named, and a retry helps."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.api import get, items, path
from tests.end_to_end.suites import LocalSuite, wait_for
from tests.end_to_end.website.visits import Visit, card, note, search, see_pressed, settled, sign_in, visit

pytestmark = pytest.mark.own_suite


@pytest.fixture
def visitor(browser: Browser, fragile: LocalSuite) -> Iterator[Visit]:
    with fragile.client("ana") as ana:
        ana.delete("/user")
    with visit(browser, fragile) as visitor:
        visitor.open()
        yield visitor


@pytest.fixture
def page(visitor: Visit) -> Page:
    return visitor.page


def restart(suite: LocalSuite, name: str) -> None:
    suite.local("--restart", name).succeeded()


def test_a_dataset_that_does_not_answer_is_named_and_comes_back(
    visitor: Visit, fragile: LocalSuite, page: Page
) -> None:
    visitor.expected_statuses = {503, 504}
    fragile.kill("anime")
    try:
        wait_for(lambda: is_missing(fragile, "ANIME"))
        visitor.open()
        expect(page.locator("main")).to_contain_text("Anime cannot be reached, so their items are missing here.")
        expect(page.locator("article[data-key^='BOOK/']").first).to_be_visible()
        expect(page.locator("article[data-key^='ANIME/']")).to_have_count(0)
    finally:
        restart(fragile, "anime")
    wait_for(lambda: not is_missing(fragile, "ANIME"))
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("article[data-key^='ANIME/']").first).to_be_visible()
    expect(page.get_by_role("main")).not_to_contain_text("cannot be reached")


def is_missing(suite: LocalSuite, type_name: str) -> bool:
    with suite.client() as client:
        return type_name in get(client, "/lib/1")["missing"]


def test_a_mark_that_cannot_be_stored_is_taken_back_and_tried_again(
    visitor: Visit, fragile: LocalSuite, page: Page
) -> None:
    sign_in(page)
    search(page, "the hobbit")
    seen = card(page, "The Hobbit").get_by_role("button", name="Seen")
    visitor.expected_statuses = {503, 504}
    fragile.kill("account")
    try:
        seen.click()
        expect(note(page)).to_contain_text("The Hobbit could not be changed.")
        see_pressed(card(page, "The Hobbit"), "Seen", False)
        expect(seen).to_be_focused()
    finally:
        restart(fragile, "account")
    # The library's connection to it may still be waiting for its next attempt.
    with fragile.client("ana") as ana:
        hobbit = items(ana, type="BOOK", search="The Hobbit")[0]
        wait_for(lambda: ana.delete(f"{path(hobbit)}/seen").status_code == 204)
    with page.expect_response(lambda answer: answer.request.method == "PUT" and answer.status == 204):
        # The note is gone after some seconds; the button itself is always there.
        seen.click()
    see_pressed(card(page, "The Hobbit"), "Seen")


def test_without_the_gateway_a_view_can_be_tried_again(visitor: Visit, fragile: LocalSuite, page: Page) -> None:
    visitor.expects_no_server = True
    fragile.kill("gateway")
    try:
        page.get_by_role("link", name="Top ten").click()
        expect(page.get_by_role("main")).to_contain_text("Seen cannot be reached.")
    finally:
        restart(fragile, "gateway")
    for again in reversed(page.get_by_role("button", name="Try again").all()):
        again.click()
    settled(page)
    expect(page.get_by_role("main")).not_to_contain_text("Seen cannot be reached.")


def test_without_the_identity_provider_the_page_stays_and_says_so(
    visitor: Visit, fragile: LocalSuite, page: Page
) -> None:
    sign_in(page)
    visitor.expects_no_server = True
    fragile.kill("local_auth0")
    try:
        page.reload()
        expect(note(page)).to_contain_text("The sign-in service cannot be reached.")
        expect(page.get_by_role("article").first).to_be_visible()
        page.get_by_role("button", name="Sign in").click()
        expect(note(page)).to_contain_text("The sign-in service cannot be reached.")
    finally:
        restart(fragile, "local_auth0")


def test_without_the_spark_connector_insight_can_be_tried_again(
    visitor: Visit, fragile: LocalSuite, page: Page
) -> None:
    visitor.expected_statuses = {503}
    main = page.get_by_role("main")  # without the live region, which repeats failures
    fragile.kill("spark_connector")
    try:
        page.get_by_role("link", name="Insight").click()
        expect(main.get_by_text("The best director cannot be shown.")).to_be_visible()
    finally:
        restart(fragile, "spark_connector")
    with httpx.Client(base_url=fragile.url) as client:
        wait_for(lambda: client.get("/bestDirector").status_code in (200, 202))
    page.get_by_role("button", name="Try again").first.click()
    answer = main.get_by_text("on average over").or_(main.get_by_text("No director has so many films"))
    expect(answer).to_be_visible(timeout=60_000)
