"""The three published datasets, loaded with scripts/load.sh, and what the API answers about them."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scripts.local.suite import DATASETS, ROOT
from tests import oracle
from tests.end_to_end.api import Item, get, items, job_answer, mark, path, problem
from tests.end_to_end.suites import Completed, LocalSuite, run

pytestmark = pytest.mark.own_suite

FILES = {
    "book": ("goodreads/book_data.csv",),
    "imdb": ("imdb/title.basics.tsv", "imdb/title.ratings.tsv"),
    "anime": ("anime/AnimeList.csv",),
}
JOB_FILES = ("--crew", "title.crew.tsv", "--principals", "title.principals.tsv", "--names", "name.basics.tsv")
TYPES = [dataset.type for dataset in DATASETS]


class Loaded:
    """A suite with the published data. `first` and `second` are the loader's output of two loads, by dataset."""

    def __init__(self, suite: LocalSuite, shared_data: Path) -> None:
        self.suite = suite
        with suite.client("ana") as ana:
            self.marked = [items(ana, type=type_name, size=1)[0] for type_name in TYPES]
            for item in self.marked:
                mark(ana, item, "seen", "like")
        self.first, self.second = ({name: self._load(name, shared_data) for name in FILES} for _ in range(2))

    def _load(self, name: str, shared_data: Path) -> Completed:
        files = [shared_data / file for file in FILES[name]]
        if name == "imdb":
            files += [shared_data / "imdb" / argument if "." in argument else Path(argument) for argument in JOB_FILES]
        return run(ROOT / "scripts" / "load.sh", "--data", self.suite.folder, name, *files)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Loaded]:
    with LocalSuite(tmp_path_factory.mktemp("real")) as suite:
        yield Loaded(suite, shared_data)


@pytest.fixture
def ana(loaded: Loaded) -> Iterator[httpx.Client]:
    with loaded.suite.client("ana") as client:
        yield client


def count(report: str, label: str) -> int:
    match = re.search(rf"^\s+{label}\s+([\d,]+)", report, re.MULTILINE)
    assert match is not None, report
    return int(match[1].replace(",", ""))


@pytest.mark.parametrize(("name", "rows"), [("book", 1_998), ("imdb", 49_999), ("anime", 8_904)])
def test_every_row_is_loaded_or_counted_as_skipped(loaded: Loaded, name: str, rows: int) -> None:
    report = loaded.first[name].succeeded().output
    assert f"{rows:,} rows read" in report
    kept = sum(count(report, label) for label in ("added", "updated", "unchanged"))
    assert kept + count(report, "skipped") == rows
    # Skipped are adult titles, and a book without the link that contains its id.
    assert kept >= rows * 0.9


@pytest.mark.parametrize("name", FILES)
def test_loading_again_changes_nothing(loaded: Loaded, name: str) -> None:
    report = loaded.second[name].succeeded().output
    assert count(report, "added") == count(report, "updated") == 0


def test_loading_keeps_every_mark(loaded: Loaded, ana: httpx.Client) -> None:
    for kind in ("seen", "liked"):
        listed = [path(mark["item"]) for mark in get(ana, f"/user/{kind}")["items"]]
        assert listed == [path(item) for item in loaded.marked[::-1]]


def test_items_have_the_values_of_their_sources(ana: httpx.Client) -> None:
    anime = items(ana, type="ANIME", search="Shakugan no Shana: Season II")[0]
    assert anime["sourceId"] == "2787"
    assert anime["rating"] == 7.72
    assert anime["category"] == ["Action", "Drama", "Fantasy", "Romance", "School", "Supernatural"]

    show = items(ana, type="SHOW", search="The Arrival of a Train")[0]
    assert show["sourceId"] == "tt0000012"
    assert show["rating"] == 7.4
    assert show["kind"] == "short"


def test_the_first_and_the_last_page_of_the_library(ana: httpx.Client) -> None:
    first = get(ana, "/lib/1", size=100)
    assert first["total"] > 58_000
    assert {item["type"] for item in first["items"]} == set(TYPES)
    last = get(ana, f"/lib/{first['pages']}", size=100)
    assert len(last["items"]) == first["total"] - 100 * (first["pages"] - 1)
    problem(ana.get(f"/lib/{first['pages'] + 1}", params={"size": 100}), 400, "page")


@pytest.mark.parametrize("type_name", TYPES)
def test_a_page_of_one_type_holds_only_that_type(ana: httpx.Client, type_name: str) -> None:
    page = get(ana, "/lib/7", type=type_name, size=20)
    assert [item["type"] for item in page["items"]] == [type_name] * 20


@pytest.mark.parametrize("type_name", TYPES)
def test_a_liked_item_is_in_the_top_ten(ana: httpx.Client, type_name: str) -> None:
    item: Item = get(ana, "/lib/50", type=type_name, size=1)["items"][0]
    assert get(ana, path(item)) == item
    mark(ana, item, "seen", "like")
    assert path(item) in [path(entry["item"]) for entry in get(ana, f"/getTopTen/{type_name}")["items"]]
    assert ana.delete(f"{path(item)}/like").status_code == 204
    assert ana.delete(f"{path(item)}/seen").status_code == 204


def test_suggestions_come_from_every_dataset(loaded: Loaded) -> None:
    with loaded.suite.client("rui") as rui:
        for book in items(rui, type="BOOK", category="Fantasy", size=5):
            mark(rui, book, "seen", "like")
        answer = rui.post("/suggest", json={"amount": 20}).json()
    assert "Fantasy" in [weight["category"] for weight in answer["categories"]]
    reasons = [(suggestion["because"]["category"], suggestion["item"]) for suggestion in answer["suggestions"]]
    fantasy = [item for theme, item in reasons if theme == "Fantasy"]
    for type_name in TYPES:
        assert sum(item["type"] == type_name for item in fantasy) >= 15
    assert all("Fantasy" in item["themes"] for item in fantasy)


def test_an_admin_adds_an_item_and_deletes_it(loaded: Loaded) -> None:
    with loaded.suite.client("admin") as admin:
        answer = admin.post("/item", json={"type": "SHOW", "name": "A Film of Tests", "category": ["Testing"]})
        assert answer.status_code == 201, answer.text
        assert items(admin, search="film of tests") == [answer.json()]
        assert admin.delete(path(answer.json())).status_code == 204


def test_the_most_connected_person_is_computed_from_the_loaded_files(ana: httpx.Client, shared_data: Path) -> None:
    person, coworkers = oracle.most_connected(shared_data / "imdb")[0]
    winner = job_answer(ana, "/moreConnected")["winner"]
    assert (winner["person"]["id"], winner["coworkers"]) == (person, coworkers)


def test_a_file_of_the_wrong_dataset_changes_nothing(loaded: Loaded, shared_data: Path, ana: httpx.Client) -> None:
    before = get(ana, "/lib/1")["total"]
    uris = loaded.suite.suite.mongo_uris(DATASETS[0])
    wrong = run(
        ROOT / "scripts" / "load.sh", "book", shared_data / "anime" / "AnimeList.csv", SEEN_MONGO_URIS=uris
    ).failed()
    assert "Traceback" not in wrong.output
    assert get(ana, "/lib/1")["total"] == before
