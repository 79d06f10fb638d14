"""The two questions over all of IMDb: computed once, kept over a restart, computed again when a file changes."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scripts.local.suite import ROOT
from tests.end_to_end.questions import WITHIN_S, Item, answer
from tests.end_to_end.running import RunningSuite, wait_for

SAMPLE = ROOT / "services" / "imdb" / "sample"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    """A suite of this module's own, whose files are changed and which is restarted."""
    with RunningSuite(tmp_path_factory.mktemp("asked")) as running:
        yield running


@pytest.mark.own_suite
def test_who_asks_first_hears_that_the_answer_is_being_computed(asked: RunningSuite) -> None:
    with asked.client() as anyone:
        assert anyone.get("/bestDirector").status_code == 202


def test_the_sample_answers_both_questions(anyone: httpx.Client) -> None:
    director = answer(anyone, "/bestDirector")
    connected = answer(anyone, "/moreConnected")
    assert director["winner"]["person"]["name"] == "Christopher Nolan"
    assert len(director["films"]) == director["winner"]["films"] == 12
    assert connected["winner"] == {
        "person": {"id": "nm0002354", "name": "John Williams", "link": "https://www.imdb.com/name/nm0002354/"},
        "coworkers": 109,
    }


def test_other_thresholds_are_another_question(anyone: httpx.Client) -> None:
    without_minimum = answer(anyone, "/bestDirector?minFilms=1")
    nobody = answer(anyone, "/bestDirector?minFilms=1000")
    assert without_minimum["winner"]["person"]["name"] == "Francis Ford Coppola"
    assert "winner" not in nobody


@pytest.mark.own_suite
def test_an_answer_is_there_at_once_after_a_restart(asked: RunningSuite) -> None:
    with asked.client() as anyone:
        before = answer(anyone, "/bestDirector")
    asked.stop()
    asked.start()
    with asked.client() as anyone:
        response = anyone.get("/bestDirector")
        assert (response.status_code, response.json()) == (200, before)
        unchanged = anyone.get("/bestDirector", headers={"If-None-Match": response.headers["etag"]})
    assert unchanged.status_code == 304


@pytest.mark.own_suite
def test_a_changed_file_makes_the_answer_stale_until_it_is_computed_again(asked: RunningSuite) -> None:
    files = asked.folder / "imdb"
    with asked.client() as anyone:
        before = answer(anyone, "/bestDirector")
        shutil.copytree(SAMPLE, files, dirs_exist_ok=True)
        _without(files / "title.ratings.tsv", "tt0468569")  # The Dark Knight
        stale = anyone.get("/bestDirector").json()
        after = answer(anyone, "/bestDirector")
    assert (stale["stale"], stale["winner"]) == (True, before["winner"])
    assert after["winner"]["person"]["name"] != "Christopher Nolan"


def test_only_an_administrator_may_ask_for_a_new_computation(
    admin: httpx.Client, ana: httpx.Client, anyone: httpx.Client
) -> None:
    before = answer(anyone, "/moreConnected")
    assert anyone.post("/moreConnected").status_code == 401
    assert ana.post("/moreConnected").status_code == 403
    time.sleep(1)  # the time of the next answer shall differ
    assert admin.post("/moreConnected").status_code == 202
    after = wait_for(lambda: _newer(anyone.get("/moreConnected").json(), before), WITHIN_S)
    assert after["winner"] == before["winner"]


def _newer(found: Item, before: Item) -> Item | None:
    return found if found["computedAt"] > before["computedAt"] else None


def _without(file: Path, title: str) -> None:
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if not line.startswith(title)))
