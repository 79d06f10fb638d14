"""Insight: the two questions over IMDb, with their evidence and progress."""

import random
import re

import httpx
from playwright.sync_api import Page, expect

from tests.end_to_end.api import JOB_TIMEOUT_S, job_answer
from tests.end_to_end.website.visits import Visit, settled


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
