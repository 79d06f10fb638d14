"""The best director, by both engines and by the oracle."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from spark_jobs import best_director
from spark_jobs.duckdb_reader import DuckDBEngine, exists
from spark_jobs.engine import Engine
from spark_jobs.progress import Progress
from spark_jobs.spark_reader import SparkEngine
from spark_jobs.views import find
from tests import oracle
from tests.conftest import ROOT
from tests.integration.spark_jobs import casts
from tests.integration.spark_jobs.conftest import Ask

SAMPLE = ROOT / "services" / "imdb" / "sample"


def check(result: Any, folder: Path, min_films: int, min_votes: int) -> None:
    """Compares all that the oracle knows too."""
    ranking = oracle.best_director(folder, min_films, min_votes)[:10]
    told = [result["winner"], *result["runnersUp"]] if result["winner"] else []
    assert [rank["person"]["id"] for rank in told] == [director.id for director in ranking]
    assert [rank["films"] for rank in told] == [len(director.films) for director in ranking]
    assert [rank["votes"] for rank in told] == [director.votes for director in ranking]
    assert [rank["averageRating"] for rank in told] == pytest.approx([float(director.average) for director in ranking])
    assert [film["id"] for film in result["films"]] == list(ranking[0].films if ranking else ())
    names = oracle.names(folder)
    assert [rank["person"].get("name") for rank in told] == [names.get(director.id) for director in ranking]
    assert result["leftOut"]["peopleWithoutName"] == [one.id for one in ranking if one.id not in names]


def solve(engine: Engine, min_films: int, min_votes: int) -> Any:
    return best_director.solve(
        engine, Progress(), argparse.Namespace(min_films=min_films, min_votes=min_votes, runners_up=9)
    )


@pytest.mark.parametrize(("min_films", "min_votes"), [(10, 10_000), (1, 10_000), (2, 1_000_000), (1, 0)])
def test_on_the_sample(ask: Ask, min_films: int, min_votes: int) -> None:
    result = ask("best_director", SAMPLE, f"--min-films={min_films}", f"--min-votes={min_votes}")
    assert result["winner"]
    check(result, SAMPLE, min_films, min_votes)


def test_the_sample_answers_out_of_the_box(ask: Ask) -> None:
    result = ask("best_director", SAMPLE)
    assert result["winner"]["films"] >= 10
    assert result["winner"]["person"]["name"]
    assert result["films"][0]["year"] > 1900
    assert result["leftOut"] == {"unreadableLines": 0, "peopleWithoutName": []}
    assert result["inputs"]["ratings"]["lines"] == len((SAMPLE / "title.ratings.tsv").read_text().splitlines()) - 1


@pytest.mark.parametrize(("min_films", "min_votes"), [(10, 10_000), (3, 1_000)])
def test_on_the_real_slice(ask: Ask, shared_data: Path, min_films: int, min_votes: int) -> None:
    result = ask("best_director", shared_data / "imdb", f"--min-films={min_films}", f"--min-votes={min_votes}")
    assert result["winner"]
    check(result, shared_data / "imdb", min_films, min_votes)


@given(imdb=casts.imdbs(), min_films=st.integers(1, 4), min_votes=st.sampled_from([0, 10_000]))
@settings(max_examples=200, deadline=None)
def test_on_random_films_with_duckdb(imdb: casts.Imdb, min_films: int, min_votes: int) -> None:
    with TemporaryDirectory() as folder:
        casts.write(Path(folder), imdb)
        with DuckDBEngine.open(find(folder, best_director.VIEWS, exists)) as engine:
            result = solve(engine, min_films, min_votes)
        check(result, Path(folder), min_films, min_votes)


@given(imdb=casts.imdbs(), min_films=st.integers(1, 3))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_on_random_films_with_spark(spark: SparkSession, imdb: casts.Imdb, min_films: int) -> None:
    with TemporaryDirectory() as folder:
        casts.write(Path(folder), imdb)
        with SparkEngine.open(spark, find(folder, best_director.VIEWS, exists)) as engine:
            result = solve(engine, min_films, 10_000)
        check(result, Path(folder), min_films, 10_000)


def films(*rated: tuple[str, str, str, str]) -> casts.Imdb:
    """Films of (id, rating, votes, directors)."""
    return {
        "title.basics": [(title, "movie", title, title, "0", r"\N", r"\N", r"\N", r"\N") for title, *_ in rated],
        "title.ratings": [(title, rating, votes) for title, rating, votes, _ in rated],
        "title.crew": [(title, directors, r"\N") for title, _, _, directors in rated],
    }


def winner(ask_duckdb: Ask, folder: Path, imdb: casts.Imdb) -> str:
    result = ask_duckdb("best_director", casts.write(folder, imdb), "--min-films=1")
    return str(result["winner"]["person"]["id"])


def test_of_equal_averages_more_films_win(ask_duckdb: Ask, tmp_path: Path) -> None:
    imdb = films(
        ("tt0000001", "8.0", "90000", "nm0000001"),
        ("tt0000002", "7.9", "10000", "nm0000002"),
        ("tt0000003", "8.1", "10000", "nm0000002"),
    )
    assert winner(ask_duckdb, tmp_path, imdb) == "nm0000002"


def test_of_equal_averages_and_films_more_votes_win(ask_duckdb: Ask, tmp_path: Path) -> None:
    imdb = films(("tt0000001", "8.0", "10000", "nm0000001"), ("tt0000002", "8.0", "10001", "nm0000002"))
    assert winner(ask_duckdb, tmp_path, imdb) == "nm0000002"


def test_of_equals_the_lower_id_wins(ask_duckdb: Ask, tmp_path: Path) -> None:
    imdb = films(("tt0000001", "8.0", "10000", "nm12345678"), ("tt0000002", "8.0", "10000", "nm9876543"))
    assert winner(ask_duckdb, tmp_path, imdb) == "nm9876543"


def test_a_film_counts_for_each_of_its_directors(ask_duckdb: Ask, tmp_path: Path) -> None:
    imdb = films(("tt0000001", "8.0", "10000", "nm0000001,nm0000002,nm0000001"))
    result = ask_duckdb("best_director", casts.write(tmp_path, imdb), "--min-films=1")
    assert [result["winner"], *result["runnersUp"]] == [
        {
            "person": {"id": one, "link": f"https://www.imdb.com/name/{one}/"},
            "averageRating": 8.0,
            "films": 1,
            "votes": 10_000,
        }
        for one in ("nm0000001", "nm0000002")
    ]


def test_nobody_wins_where_nobody_has_enough_films(ask_duckdb: Ask, tmp_path: Path) -> None:
    imdb = films(("tt0000001", "8.0", "9999", "nm0000001"))
    result = ask_duckdb("best_director", casts.write(tmp_path, imdb), "--min-films=1")
    assert (result["winner"], result["films"], result["runnersUp"]) == (None, [], [])
