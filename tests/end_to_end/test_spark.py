"""The two questions over IMDb: answers are computed once, kept over a restart, recomputed when a file changes."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from scripts.local.suite import ROOT
from tests.end_to_end.api import JOB_TIMEOUT_S, Item, job_answer
from tests.end_to_end.suites import LocalSuite, wait_for

SAMPLE = ROOT / "services" / "imdb" / "sample"


@pytest.mark.own_suite
def test_202_while_the_first_answer_is_computed(fragile: LocalSuite) -> None:
    with fragile.client() as anyone:
        assert anyone.get("/bestDirector").status_code == 202


def test_the_sample_answers_both_questions(anyone: httpx.Client) -> None:
    director = job_answer(anyone, "/bestDirector")
    connected = job_answer(anyone, "/moreConnected")
    assert director["winner"]["person"]["name"] == "Christopher Nolan"
    assert len(director["films"]) == director["winner"]["films"] == 12
    assert connected["winner"] == {
        "person": {"id": "nm0002354", "name": "John Williams", "link": "https://www.imdb.com/name/nm0002354/"},
        "coworkers": 109,
    }


def test_other_thresholds_have_their_own_answer(anyone: httpx.Client) -> None:
    without_minimum = job_answer(anyone, "/bestDirector?minFilms=1")
    nobody = job_answer(anyone, "/bestDirector?minFilms=1000")
    assert without_minimum["winner"]["person"]["name"] == "Francis Ford Coppola"
    assert "winner" not in nobody


@pytest.mark.own_suite
def test_an_answer_is_kept_over_a_restart(fragile: LocalSuite) -> None:
    with fragile.client() as anyone:
        before = job_answer(anyone, "/bestDirector")
    fragile.local("--restart", "spark_connector").succeeded()
    with fragile.client() as anyone:
        # Until the library is connected again, the status is 503.
        response = wait_for(lambda: _available(anyone.get("/bestDirector")))
        assert (response.status_code, response.json()) == (200, before)
        unchanged = anyone.get("/bestDirector", headers={"If-None-Match": response.headers["etag"]})
    assert unchanged.status_code == 304


@pytest.mark.own_suite
def test_after_a_file_changed_the_answer_is_stale_until_recomputed(fragile: LocalSuite) -> None:
    files = fragile.folder / "imdb"
    with fragile.client() as anyone:
        before = job_answer(anyone, "/bestDirector")
        shutil.copytree(SAMPLE, files, dirs_exist_ok=True)
        _without(files / "title.ratings.tsv", "tt0468569")  # The Dark Knight
        stale = anyone.get("/bestDirector").json()
        after = job_answer(anyone, "/bestDirector")
    assert (stale["stale"], stale["winner"]) == (True, before["winner"])
    assert after["winner"]["person"]["name"] != "Christopher Nolan"


def test_only_an_admin_may_request_a_recomputation(
    admin: httpx.Client, ana: httpx.Client, anyone: httpx.Client
) -> None:
    before = job_answer(anyone, "/moreConnected")
    assert anyone.post("/moreConnected").status_code == 401
    assert ana.post("/moreConnected").status_code == 403
    wait_for(lambda: datetime.now(UTC) > datetime.fromisoformat(before["computedAt"]) + timedelta(seconds=1))
    assert admin.post("/moreConnected").status_code == 202
    after = wait_for(lambda: _newer(anyone.get("/moreConnected").json(), before), JOB_TIMEOUT_S)
    assert after["winner"] == before["winner"]


def _available(response: httpx.Response) -> httpx.Response | None:
    return None if response.status_code == 503 else response


def _newer(answer: Item, before: Item) -> Item | None:
    return answer if answer["computedAt"] > before["computedAt"] else None


def _without(file: Path, title: str) -> None:
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if not line.startswith(title)))
