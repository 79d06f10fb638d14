"""The best connected person, by both engines, every way, and by the oracle."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from spark_jobs import coworker_edges, most_connected
from spark_jobs.duckdb_reader import DuckDBEngine, exists
from spark_jobs.engine import Engine
from spark_jobs.progress import Progress
from spark_jobs.question import Question
from spark_jobs.spark_reader import SparkEngine
from spark_jobs.views import InputError, find
from tests import oracle
from tests.conftest import ROOT
from tests.integration.spark_jobs import casts
from tests.integration.spark_jobs.conftest import Ask

SAMPLE = ROOT / "services" / "imdb" / "sample"


def check(result: Any, folder: Path) -> None:
    ranking = oracle.most_connected(folder)[:10]
    told = [result["winner"], *result["runnersUp"]] if result["winner"] else []
    assert [(rank["person"]["id"], rank["coworkers"]) for rank in told] == ranking
    names = oracle.names(folder)
    assert [rank["person"].get("name") for rank in told] == [names.get(person) for person, _ in ranking]
    assert result["leftOut"]["peopleWithoutName"] == [person for person, _ in ranking if person not in names]


def rank(engine: Engine, places: int, first: int, wide: int) -> list[tuple[str, int]]:
    question = Question(engine, Progress(), "most_connected", most_connected.PRUNED)
    ranking = most_connected.most_connected(question, places, first, wide)
    return [(f"nm{number:07d}", count) for number, count in ranking]


@pytest.mark.parametrize("way", [[], ["--all-pairs"]], ids=["bounds", "all pairs"])
def test_on_the_sample(ask: Ask, way: list[str]) -> None:
    result = ask("most_connected", SAMPLE, *way)
    assert result["winner"]["person"]["name"]
    check(result, SAMPLE)


@pytest.mark.parametrize("way", [[], ["--all-pairs"]], ids=["bounds", "all pairs"])
def test_on_the_real_slice(ask: Ask, shared_data: Path, way: list[str]) -> None:
    result = ask("most_connected", shared_data / "imdb", *way)
    assert result["inputs"]["principals"] == {
        "path": str(shared_data / "imdb" / "title.principals.tsv"),
        "lines": 50_108,
        "unreadable": 0,
    }
    check(result, shared_data / "imdb")


# `first` and `wide` this small send hundreds of casts down every branch that full-size data takes.
bounds = {"places": st.integers(1, 4), "first": st.integers(1, 12), "wide": st.integers(0, 12)}


@given(imdb=casts.imdbs(), cut=casts.cut_lines(), **bounds)
@settings(max_examples=200, deadline=None)
def test_on_random_casts_with_duckdb(imdb: casts.Imdb, cut: list[str], places: int, first: int, wide: int) -> None:
    with TemporaryDirectory() as name:
        folder = casts.write(Path(name), imdb, after={"title.principals": cut})
        with DuckDBEngine.open(find(name, most_connected.VIEWS, exists)) as engine:
            assert rank(engine, places, first, wide) == oracle.most_connected(folder)[:places]
            assert engine.lines()["principals"].unreadable == oracle.principals(folder).unreadable


@given(imdb=casts.imdbs(), cut=casts.cut_lines(), **bounds)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_on_random_casts_with_spark(
    spark: SparkSession, imdb: casts.Imdb, cut: list[str], places: int, first: int, wide: int
) -> None:
    with TemporaryDirectory() as name:
        folder = casts.write(Path(name), imdb, after={"title.principals": cut})
        with SparkEngine.open(spark, find(name, most_connected.VIEWS, exists)) as engine:
            assert rank(engine, places, first, wide) == oracle.most_connected(folder)[:places]
            assert engine.lines()["principals"].unreadable == oracle.principals(folder).unreadable


def test_graphx_finds_the_same_in_the_graph_of_edges(spark: SparkSession, tmp_path: Path) -> None:
    edges = str(tmp_path / "edges")
    with SparkEngine.open(spark, find(str(SAMPLE), ("principals",), exists)) as engine:
        coworker_edges.solve(engine, Progress(), argparse.Namespace(edges=edges))
    with SparkEngine.open(spark, find(str(SAMPLE), ("names",), exists)) as engine:
        options = argparse.Namespace(edges=edges, all_pairs=False, runners_up=9)
        check(most_connected.solve(engine, Progress(), options), SAMPLE)


def test_graphx_is_not_to_be_had_without_spark() -> None:
    with DuckDBEngine.open({}) as engine, pytest.raises(InputError, match="needs Spark"):
        most_connected.solve(engine, Progress(), argparse.Namespace(edges="edges", all_pairs=False, runners_up=9))


def cast(*pairs: str) -> casts.Imdb:
    """Principals given as "title person"."""
    lines = [tuple(pair.split()) for pair in pairs]
    return {"title.principals": [(title, "1", person, "actor", r"\N", r"\N") for title, person in lines]}


def test_someone_twice_on_a_title_is_one_coworker_and_not_their_own(ask_duckdb: Ask, tmp_path: Path) -> None:
    imdb = cast("tt1 nm0000002", "tt1 nm0000002", "tt1 nm0000001", "tt2 nm0000001", "tt2 nm0000002")
    result = ask_duckdb("most_connected", casts.write(tmp_path, imdb))
    assert result["winner"]["person"]["id"] == "nm0000001"
    assert [result["winner"]["coworkers"], *(rank["coworkers"] for rank in result["runnersUp"])] == [1, 1]


def test_nobody_wins_where_all_work_alone(ask_duckdb: Ask, tmp_path: Path) -> None:
    result = ask_duckdb(
        "most_connected", casts.write(tmp_path, cast("tt1 nm0000001", "tt2 nm0000001", "tt3 nm0000002"))
    )
    assert (result["winner"], result["runnersUp"]) == (None, [])


def test_of_equals_the_lower_id_wins(ask_duckdb: Ask, tmp_path: Path) -> None:
    result = ask_duckdb("most_connected", casts.write(tmp_path, cast("tt1 nm12345678", "tt1 nm9876543")))
    assert result["winner"]["person"]["id"] == "nm9876543"
