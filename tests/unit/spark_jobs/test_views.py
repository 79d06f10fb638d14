"""Where the inputs are, and what the views need of them."""

import pytest

from spark_jobs.views import VIEWS, InputError, check, find


def test_the_columns_a_view_needs() -> None:
    assert {name: view.needs for name, view in VIEWS.items()} == {
        "basics": ("tconst", "titleType", "primaryTitle", "startYear"),
        "ratings": ("tconst", "averageRating", "numVotes"),
        "crew": ("tconst", "directors"),
        "principals": ("tconst", "nconst"),
        "names": ("nconst", "primaryName"),
    }


@pytest.mark.parametrize("folder", ["gs://bucket/imdb", "gs://bucket/imdb/", "here"])
def test_the_quickest_form_is_taken(folder: str) -> None:
    there = {f"{folder.rstrip('/')}/title.crew{form}" for form in (".tsv.gz", ".tsv")}
    assert find(folder, ("crew",), there.__contains__) == {"crew": f"{folder.rstrip('/')}/title.crew.tsv"}


def test_a_file_that_is_nowhere_is_named() -> None:
    with pytest.raises(InputError, match=r"there is no name\.basics\.tsv, .* in here"):
        find("here", ("names",), lambda path: False)


def test_a_few_cut_lines_are_life() -> None:
    check("crew", "title.crew.tsv", lines=100, unreadable=100)
    check("crew", "title.crew.tsv", lines=1_000_000, unreadable=400_000)


def test_a_file_that_cannot_be_read_is_another_file() -> None:
    with pytest.raises(InputError, match=r"600 of 1,000 lines cannot be read as title\.crew of IMDb"):
        check("crew", "title.principals.tsv", lines=1_000, unreadable=600)
