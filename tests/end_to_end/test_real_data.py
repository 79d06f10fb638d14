"""The three real data sets, loaded by the loader as a person would, and every endpoint asked about them."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scripts.local.suite import DATASETS, ROOT
from tests import oracle
from tests.end_to_end.questions import Item, answer, get, items, mark, path, problem
from tests.end_to_end.running import Finished, RunningSuite, run

pytestmark = pytest.mark.own_suite

FILES = {
    "book": ("goodreads/book_data.csv",),
    "imdb": ("imdb/title.basics.tsv", "imdb/title.ratings.tsv"),
    "anime": ("anime/AnimeList.csv",),
}
FOR_THE_QUESTIONS = ("--crew", "title.crew.tsv", "--principals", "title.principals.tsv", "--names", "name.basics.tsv")
TYPES = [dataset.type for dataset in DATASETS]


class Loaded:
    """A suite that has been told of real data; what the loader said, by dataset, the first time and the second."""

    def __init__(self, suite: RunningSuite, shared_data: Path) -> None:
        self.suite = suite
        with suite.client("ana") as ana:
            self.marked = [items(ana, type=type_name, size=1)[0] for type_name in TYPES]
            for item in self.marked:
                mark(ana, item, "seen", "like")
        self.first, self.second = ({name: self._load(name, shared_data) for name in FILES} for _ in range(2))

    def _load(self, name: str, shared_data: Path) -> Finished:
        files = [shared_data / file for file in FILES[name]]
        if name == "imdb":
            files += [shared_data / "imdb" / word if "." in word else Path(word) for word in FOR_THE_QUESTIONS]
        return run(ROOT / "scripts" / "load.sh", "--data", self.suite.folder, name, *files)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Loaded]:
    with RunningSuite(tmp_path_factory.mktemp("real")) as suite:
        yield Loaded(suite, shared_data)


@pytest.fixture
def ana(loaded: Loaded) -> Iterator[httpx.Client]:
    with loaded.suite.client("ana") as client:
        yield client


def count(report: str, what: str) -> int:
    found = re.search(rf"^\s+{what}\s+([\d,]+)", report, re.MULTILINE)
    assert found is not None, report
    return int(found[1].replace(",", ""))


@pytest.mark.parametrize(("name", "rows"), [("book", 1_998), ("imdb", 49_999), ("anime", 8_904)])
def test_every_row_is_loaded_or_counted_by_the_reason_why_not(loaded: Loaded, name: str, rows: int) -> None:
    said = loaded.first[name].succeeded().said
    assert f"{rows:,} rows read" in said
    kept = sum(count(said, what) for what in ("added", "updated", "unchanged"))
    assert kept + count(said, "skipped") == rows
    # Adult titles, and a book without a link, from which its id would come.
    assert kept >= rows * 0.9


@pytest.mark.parametrize("name", FILES)
def test_loading_again_changes_nothing(loaded: Loaded, name: str) -> None:
    said = loaded.second[name].succeeded().said
    assert count(said, "added") == count(said, "updated") == 0


def test_loading_loses_no_mark(loaded: Loaded, ana: httpx.Client) -> None:
    for kind in ("seen", "liked"):
        found = [path(one["item"]) for one in get(ana, f"/user/{kind}")["items"]]
        assert found == [path(item) for item in loaded.marked[::-1]]


def test_known_items_are_as_their_sources_say(ana: httpx.Client) -> None:
    anime = items(ana, type="ANIME", search="Shakugan no Shana: Season II")[0]
    assert anime["sourceId"] == "2787"
    assert anime["rating"] == 7.72
    assert anime["category"] == ["Action", "Drama", "Fantasy", "Romance", "School", "Supernatural"]

    show = items(ana, type="SHOW", search="The Arrival of a Train")[0]
    assert show["sourceId"] == "tt0000012"
    assert show["rating"] == 7.4
    assert show["kind"] == "short"


def test_the_library_is_read_from_its_first_page_to_its_last(ana: httpx.Client) -> None:
    first = get(ana, "/lib/1", size=100)
    assert first["total"] > 58_000
    assert {item["type"] for item in first["items"]} == set(TYPES)
    last = get(ana, f"/lib/{first['pages']}", size=100)
    assert len(last["items"]) == first["total"] - 100 * (first["pages"] - 1)
    problem(ana.get(f"/lib/{first['pages'] + 1}", params={"size": 100}), 400, "page")


@pytest.mark.parametrize("type_name", TYPES)
def test_a_page_of_one_type_holds_only_that(ana: httpx.Client, type_name: str) -> None:
    page = get(ana, "/lib/7", type=type_name, size=20)
    assert [item["type"] for item in page["items"]] == [type_name] * 20


@pytest.mark.parametrize("type_name", TYPES)
def test_an_item_is_marked_and_comes_among_the_top_ten(ana: httpx.Client, type_name: str) -> None:
    item: Item = get(ana, "/lib/50", type=type_name, size=1)["items"][0]
    assert get(ana, path(item)) == item
    mark(ana, item, "seen", "like")
    assert path(item) in [path(one["item"]) for one in get(ana, f"/getTopTen/{type_name}")["items"]]
    assert ana.delete(f"{path(item)}/like").status_code == 204
    assert ana.delete(f"{path(item)}/seen").status_code == 204


def test_suggestions_come_from_every_dataset(loaded: Loaded) -> None:
    with loaded.suite.client("rui") as rui:
        for book in items(rui, type="BOOK", category="Fantasy", size=5):
            mark(rui, book, "seen", "like")
        said = rui.post("/suggest", json={"amount": 20}).json()
    assert "Fantasy" in [one["category"] for one in said["categories"]]
    suggested = [one["item"] for one in said["suggestions"] if one["because"] == "Fantasy"]
    for type_name in TYPES:
        assert sum(item["type"] == type_name for item in suggested) >= 15
    assert all("Fantasy" in item["category"] for item in suggested)


def test_an_admin_adds_to_the_real_library_and_takes_away(loaded: Loaded) -> None:
    with loaded.suite.client("admin") as admin:
        answer = admin.post("/item", json={"type": "SHOW", "name": "A Film of Tests", "category": ["Testing"]})
        assert answer.status_code == 201, answer.text
        assert items(admin, search="film of tests") == [answer.json()]
        assert admin.delete(path(answer.json())).status_code == 204


def test_the_question_over_all_of_imdb_is_answered_from_the_real_files(ana: httpx.Client, shared_data: Path) -> None:
    person, coworkers = oracle.most_connected(shared_data / "imdb")[0]
    winner = answer(ana, "/moreConnected")["winner"]
    assert (winner["person"]["id"], winner["coworkers"]) == (person, coworkers)


def test_a_file_of_the_wrong_dataset_changes_nothing(loaded: Loaded, shared_data: Path, ana: httpx.Client) -> None:
    before = get(ana, "/lib/1")["total"]
    uris = loaded.suite.suite.mongo_uris(DATASETS[0])
    wrong = run(
        ROOT / "scripts" / "load.sh", "book", shared_data / "anime" / "AnimeList.csv", SEEN_MONGO_URIS=uris
    ).failed()
    assert "Traceback" not in wrong.said
    assert get(ana, "/lib/1")["total"] == before
