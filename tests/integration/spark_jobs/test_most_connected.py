"""The most connected person: both engines, with every method, against the oracle in tests/oracle.py."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from spark_jobs import coworker_edges, most_connected
from spark_jobs.duckdb_engine import DuckDBEngine
from spark_jobs.engine import Engine
from spark_jobs.steps import Progress, Steps
from spark_jobs.views import InputError
from tests import oracle
from tests.integration.spark_jobs import random_imdb
from tests.integration.spark_jobs.conftest import SAMPLE, RunJob, in_session, open_files
from tests.integration.spark_jobs.random_imdb import Imdb


def check(answer: Any, folder: Path) -> None:
    """Compares an answer with the oracle's."""
    ranking = oracle.most_connected(folder)[:10]
    ranks = [answer["winner"], *answer["runnersUp"]] if answer["winner"] else []
    assert [(rank["person"]["id"], rank["coworkers"]) for rank in ranks] == ranking
    names = oracle.names(folder)
    assert [rank["person"].get("name") for rank in ranks] == [names.get(person) for person, _ in ranking]
    assert answer["leftOut"]["peopleWithoutName"] == sum(person not in names for person, _ in ranking)


def rank(engine: Engine, limit: int, candidates: int, wide: int) -> list[tuple[str, int]]:
    steps = Steps(engine, Progress(), "most_connected", most_connected.PRUNED)
    ranking = most_connected.rank_with_bounds(steps, limit, candidates, wide)
    return [(f"nm{number:07d}", count) for number, count in ranking]


@pytest.mark.parametrize("method", [[], ["--all-pairs"]], ids=["bounds", "all pairs"])
def test_the_sample_is_ranked_as_by_the_oracle(run_job: RunJob, method: list[str]) -> None:
    answer = run_job("most_connected", SAMPLE, *method)["answer"]
    assert answer["winner"]["person"]["name"]
    check(answer, SAMPLE)


@pytest.mark.parametrize("method", [[], ["--all-pairs"]], ids=["bounds", "all pairs"])
def test_real_data_is_ranked_as_by_the_oracle(run_duckdb_job: RunJob, shared_data: Path, method: list[str]) -> None:
    check_real_data(run_duckdb_job, shared_data / "imdb", *method)


def test_spark_ranks_real_data_as_the_oracle(run_spark_job: RunJob, shared_data: Path) -> None:
    check_real_data(run_spark_job, shared_data / "imdb")


def check_real_data(run_job: RunJob, folder: Path, *method: str) -> None:
    result = run_job("most_connected", folder, *method)
    principals = folder / "title.principals.tsv"
    assert result["inputs"]["principals"] == {"path": str(principals), "lines": 50_108, "unreadable": 0}
    check(result["answer"], folder)


# Values so small that hundreds of random inputs take every branch that full-size data takes.
bounds = {"limit": st.integers(1, 4), "candidates": st.integers(1, 12), "wide": st.integers(0, 12)}


@given(imdb=random_imdb.imdbs(), cut=random_imdb.cut_lines(), **bounds)
@settings(max_examples=200, deadline=None)
def test_duckdb_ranks_random_casts_as_the_oracle(
    imdb: Imdb, cut: list[str], limit: int, candidates: int, wide: int
) -> None:
    with DuckDBEngine.start(threads=1) as engine:
        check_random_casts(engine, imdb, cut, limit, candidates, wide)


@given(imdb=random_imdb.imdbs(), cut=random_imdb.cut_lines(), **bounds)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spark_ranks_random_casts_as_the_oracle(
    spark: SparkSession, imdb: Imdb, cut: list[str], limit: int, candidates: int, wide: int
) -> None:
    with in_session(spark) as engine:
        check_random_casts(engine, imdb, cut, limit, candidates, wide)


def check_random_casts(engine: Engine, imdb: Imdb, cut: list[str], limit: int, candidates: int, wide: int) -> None:
    with TemporaryDirectory() as name:
        folder = random_imdb.write(Path(name), imdb, after={"title.principals": cut})
        open_files(engine, name, most_connected.VIEW_NAMES)
        assert rank(engine, limit, candidates, wide) == oracle.most_connected(folder)[:limit]
        assert engine.line_counts()["principals"].unreadable == oracle.principals(folder).unreadable


def test_graphx_has_the_same_answer(spark: SparkSession, tmp_path: Path) -> None:
    edges = str(tmp_path / "edges")
    with in_session(spark) as engine:
        open_files(engine, str(SAMPLE), coworker_edges.VIEW_NAMES)
        coworker_edges.solve(engine, Progress(), argparse.Namespace(edges=edges))
    with in_session(spark) as engine:
        open_files(engine, str(SAMPLE), ("names",))
        options = argparse.Namespace(edges=edges, all_pairs=False, runners_up=9)
        check(most_connected.solve(engine, Progress(), options), SAMPLE)


def test_duckdb_refuses_edges() -> None:
    with DuckDBEngine.start() as engine, pytest.raises(InputError, match="needs Spark"):
        most_connected.solve(engine, Progress(), argparse.Namespace(edges="edges", all_pairs=False, runners_up=9))


def credits(*pairs: str) -> Imdb:
    """Lines of title.principals, from "title person"."""
    lines = [tuple(pair.split()) for pair in pairs]
    return {"title.principals": [(title, "1", person, "actor", r"\N", r"\N") for title, person in lines]}


def test_a_person_twice_on_a_title_is_one_coworker_and_never_their_own(run_duckdb_job: RunJob, tmp_path: Path) -> None:
    imdb = credits("tt1 nm0000002", "tt1 nm0000002", "tt1 nm0000001", "tt2 nm0000001", "tt2 nm0000002")
    answer = run_duckdb_job("most_connected", random_imdb.write(tmp_path, imdb))["answer"]
    assert answer["winner"]["person"]["id"] == "nm0000001"
    assert [answer["winner"]["coworkers"], *(rank["coworkers"] for rank in answer["runnersUp"])] == [1, 1]


def test_there_is_no_winner_if_everybody_works_alone(run_duckdb_job: RunJob, tmp_path: Path) -> None:
    imdb = credits("tt1 nm0000001", "tt2 nm0000001", "tt3 nm0000002")
    answer = run_duckdb_job("most_connected", random_imdb.write(tmp_path, imdb))["answer"]
    assert (answer["winner"], answer["runnersUp"]) == (None, [])


def test_in_a_tie_the_lower_id_wins(run_duckdb_job: RunJob, tmp_path: Path) -> None:
    imdb = credits("tt1 nm12345678", "tt1 nm9876543")
    answer = run_duckdb_job("most_connected", random_imdb.write(tmp_path, imdb))["answer"]
    assert answer["winner"]["person"]["id"] == "nm9876543"
