"""The best director: both engines against the oracle in tests/oracle.py."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from spark_jobs import best_director
from spark_jobs.best_director import MIN_FILMS, MIN_VOTES
from spark_jobs.duckdb_engine import DuckDBEngine
from spark_jobs.engine import Engine
from spark_jobs.steps import Progress
from tests import oracle
from tests.integration.spark_jobs import random_imdb
from tests.integration.spark_jobs.conftest import SAMPLE, RunJob, in_session, open_files
from tests.integration.spark_jobs.random_imdb import Imdb


def check(answer: Any, folder: Path, min_films: int, min_votes: int) -> None:
    """Compares an answer with the oracle's."""
    ranking = oracle.best_director(folder, min_films, min_votes)[:10]
    ranks = [answer["winner"], *answer["runnersUp"]] if answer["winner"] else []
    assert [rank["person"]["id"] for rank in ranks] == [director.id for director in ranking]
    assert [rank["films"] for rank in ranks] == [len(director.films) for director in ranking]
    assert [rank["votes"] for rank in ranks] == [director.votes for director in ranking]
    assert [rank["averageRating"] for rank in ranks] == pytest.approx([float(director.average) for director in ranking])
    assert [film["id"] for film in answer["films"]] == list(ranking[0].films if ranking else ())
    names = oracle.names(folder)
    assert [rank["person"].get("name") for rank in ranks] == [names.get(director.id) for director in ranking]
    assert answer["leftOut"]["peopleWithoutName"] == sum(director.id not in names for director in ranking)


def solve(engine: Engine, min_films: int, min_votes: int) -> Any:
    return best_director.solve(
        engine, Progress(), argparse.Namespace(min_films=min_films, min_votes=min_votes, runners_up=9)
    )


@pytest.mark.parametrize(("min_films", "min_votes"), [(1, 10_000), (2, 1_000_000), (1, 0)])
def test_the_sample_is_ranked_as_by_the_oracle(run_duckdb_job: RunJob, min_films: int, min_votes: int) -> None:
    answer = run_duckdb_job("best_director", SAMPLE, f"--min-films={min_films}", f"--min-votes={min_votes}")["answer"]
    assert answer["winner"]
    check(answer, SAMPLE, min_films, min_votes)


def test_the_sample_has_a_complete_answer_with_both_engines(run_job: RunJob) -> None:
    result = run_job("best_director", SAMPLE)
    answer = result["answer"]
    check(answer, SAMPLE, MIN_FILMS, MIN_VOTES)
    assert answer["winner"]["films"] >= 10
    assert answer["winner"]["person"]["name"]
    assert answer["films"][0]["year"] > 1900
    assert answer["leftOut"] == {"unreadableLines": 0, "peopleWithoutName": 0}
    assert result["inputs"]["ratings"]["lines"] == len((SAMPLE / "title.ratings.tsv").read_text().splitlines()) - 1


@pytest.mark.parametrize(("min_films", "min_votes"), [(10, 10_000), (3, 1_000)])
def test_real_data_is_ranked_as_by_the_oracle(
    run_duckdb_job: RunJob, shared_data: Path, min_films: int, min_votes: int
) -> None:
    check_real_data(run_duckdb_job, shared_data / "imdb", min_films, min_votes)


def test_spark_ranks_real_data_as_the_oracle(run_spark_job: RunJob, shared_data: Path) -> None:
    check_real_data(run_spark_job, shared_data / "imdb", 3, 1_000)


def check_real_data(run_job: RunJob, folder: Path, min_films: int, min_votes: int) -> None:
    answer = run_job("best_director", folder, f"--min-films={min_films}", f"--min-votes={min_votes}")["answer"]
    assert answer["winner"]
    check(answer, folder, min_films, min_votes)


@given(imdb=random_imdb.imdbs(), min_films=st.integers(1, 4), min_votes=st.sampled_from([0, 10_000]))
@settings(max_examples=100, deadline=None)
def test_duckdb_ranks_random_films_as_the_oracle(imdb: Imdb, min_films: int, min_votes: int) -> None:
    with TemporaryDirectory() as folder:
        random_imdb.write(Path(folder), imdb)
        with DuckDBEngine.start(threads=1) as engine:
            answer = solve(open_files(engine, folder, best_director.VIEW_NAMES), min_films, min_votes)
        check(answer, Path(folder), min_films, min_votes)


@given(imdb=random_imdb.imdbs(), min_films=st.integers(1, 3))
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spark_ranks_random_films_as_the_oracle(spark: SparkSession, imdb: Imdb, min_films: int) -> None:
    with TemporaryDirectory() as folder:
        random_imdb.write(Path(folder), imdb)
        with in_session(spark) as engine:
            answer = solve(open_files(engine, folder, best_director.VIEW_NAMES), min_films, 10_000)
        check(answer, Path(folder), min_films, 10_000)


def films(*rated: tuple[str, str, str, str]) -> Imdb:
    """Films of (id, rating, votes, directors)."""
    return {
        "title.basics": [(title, "movie", title, title, "0", r"\N", r"\N", r"\N", r"\N") for title, *_ in rated],
        "title.ratings": [(title, rating, votes) for title, rating, votes, _ in rated],
        "title.crew": [(title, directors, r"\N") for title, _, _, directors in rated],
    }


def winner(run_duckdb_job: RunJob, folder: Path, imdb: Imdb) -> str:
    result = run_duckdb_job("best_director", random_imdb.write(folder, imdb), "--min-films=1")
    return str(result["answer"]["winner"]["person"]["id"])


def test_with_equal_averages_more_films_win(run_duckdb_job: RunJob, tmp_path: Path) -> None:
    imdb = films(
        ("tt0000001", "8.0", "90000", "nm0000001"),
        ("tt0000002", "7.9", "10000", "nm0000002"),
        ("tt0000003", "8.1", "10000", "nm0000002"),
    )
    assert winner(run_duckdb_job, tmp_path, imdb) == "nm0000002"


def test_with_equal_averages_and_films_more_votes_win(run_duckdb_job: RunJob, tmp_path: Path) -> None:
    imdb = films(("tt0000001", "8.0", "10000", "nm0000001"), ("tt0000002", "8.0", "10001", "nm0000002"))
    assert winner(run_duckdb_job, tmp_path, imdb) == "nm0000002"


def test_in_a_full_tie_the_lower_id_wins(run_duckdb_job: RunJob, tmp_path: Path) -> None:
    imdb = films(("tt0000001", "8.0", "10000", "nm12345678"), ("tt0000002", "8.0", "10000", "nm9876543"))
    assert winner(run_duckdb_job, tmp_path, imdb) == "nm9876543"


def test_a_film_counts_for_each_of_its_directors(run_duckdb_job: RunJob, tmp_path: Path) -> None:
    imdb = films(("tt0000001", "8.0", "10000", "nm0000001,nm0000002,nm0000001"))
    answer = run_duckdb_job("best_director", random_imdb.write(tmp_path, imdb), "--min-films=1")["answer"]
    assert [answer["winner"], *answer["runnersUp"]] == [
        {
            "person": {"id": person, "link": f"https://www.imdb.com/name/{person}/"},
            "averageRating": 8.0,
            "films": 1,
            "votes": 10_000,
        }
        for person in ("nm0000001", "nm0000002")
    ]


def test_there_is_no_winner_if_nobody_has_enough_films(run_duckdb_job: RunJob, tmp_path: Path) -> None:
    imdb = films(("tt0000001", "8.0", "9999", "nm0000001"))
    answer = run_duckdb_job("best_director", random_imdb.write(tmp_path, imdb), "--min-films=1")["answer"]
    assert (answer["winner"], answer["films"], answer["runnersUp"]) == (None, [], [])
