"""The files and columns of the views."""

import pytest

from spark_jobs.views import IMDB_VIEWS, InputError, check_readable, find_files


def test_the_columns_that_each_view_needs() -> None:
    assert {name: view.needed for name, view in IMDB_VIEWS.items()} == {
        "basics": ("tconst", "titleType", "primaryTitle", "startYear"),
        "ratings": ("tconst", "averageRating", "numVotes"),
        "crew": ("tconst", "directors"),
        "principals": ("tconst", "nconst"),
        "names": ("nconst", "primaryName"),
    }


@pytest.mark.parametrize("folder", ["gs://bucket/imdb", "gs://bucket/imdb/", "here"])
def test_the_fastest_form_is_read(folder: str) -> None:
    existing = {f"{folder.rstrip('/')}/title.crew{form}" for form in (".tsv.gz", ".tsv")}
    assert find_files(folder, ("crew",), existing.__contains__) == {"crew": f"{folder.rstrip('/')}/title.crew.tsv"}


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"there is no name\.basics\.tsv, .* in here"):
        find_files("here", ("names",), lambda path: False)


def test_unreadable_lines_are_accepted_up_to_a_half() -> None:
    check_readable("crew", "title.crew.tsv", lines=100, unreadable=100)
    check_readable("crew", "title.crew.tsv", lines=1_000_000, unreadable=400_000)


def test_a_file_that_is_mostly_unreadable_is_refused() -> None:
    with pytest.raises(InputError, match=r"600 of 1,000 lines cannot be read as title\.crew"):
        check_readable("crew", "title.principals.tsv", lines=1_000, unreadable=600)
