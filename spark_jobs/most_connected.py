"""The person who has worked with the most different people; ties go to the lower id.

Without comparing all pairs: nobody has more co-workers than the sum of (people - 1) over their titles. The co-workers
of those with the highest bounds are counted first, then only those of people whose bound reaches the last place so
won. The answer is exact. `--edges` answers from the graph that coworker_edges.py writes, with GraphX.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # started as a file: Python then looks in this folder, not where the package is
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from spark_jobs import answer, run
from spark_jobs.engine import Engine
from spark_jobs.progress import Progress
from spark_jobs.question import Question
from spark_jobs.views import InputError

VIEWS = ("principals", "names")

FIRST = 256
"""People counted before anything is known. Fewer set a lower mark for the others, more may be work for nothing."""
WIDE = 500_000
"""Titles that count with their own size in the bounds: a few tens of megabytes, which every executor holds."""

COUNTS = ("first", "first_titles", "first_counts", "rest", "rest_titles", "rest_counts")
PRUNED = ("principals", "teams", "sizes", "wide", "bounds", *COUNTS, "names")
ALL_PAIRS = ("principals", "everyone", "names")

Ranking = list[tuple[int, int]]
"""People and the number of their co-workers, the most first; nobody with none."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--all-pairs", action="store_true", help="compare everyone with everyone: slower, same answer")
    ways.add_argument("--edges", metavar="URI", help="what coworker_edges.py wrote, for GraphX; only in Spark")


def views(options: argparse.Namespace) -> tuple[str, ...]:
    return ("names",) if options.edges else VIEWS


def solve(engine: Engine, progress: Progress, options: argparse.Namespace) -> dict[str, Any]:
    places = options.runners_up + 1
    if options.edges:
        question = Question(engine, progress, "most_connected", ["degrees", "names"])
        with question.stage("degrees"):
            ranking = _highest_degrees(engine, options.edges, places)
        return _answer(engine, question, ranking)
    if options.all_pairs:
        question = Question(engine, progress, "most_connected", ALL_PAIRS)
        question.keep("principals")
        return _answer(engine, question, question.rows("everyone", places=places))
    question = Question(engine, progress, "most_connected", PRUNED)
    return _answer(engine, question, most_connected(question, places))


def most_connected(question: Question, places: int, first: int = FIRST, wide: int = WIDE) -> Ranking:
    """The first `places` people. `first` and `wide` change how long it takes, never what comes out."""
    question.keep("principals")
    question.keep("teams")
    typical = largest_not_wide(question.rows("sizes"), wide)
    question.keep("wide", typical=typical)
    question.keep("bounds", typical=typical)

    question.keep("first", first=first)
    question.keep("first_titles")
    ranking = question.rows("first_counts", places=places)
    # To tie with the last place is enough, for the lower id wins.
    floor = ranking[-1][1] if len(ranking) == places else 1
    if question.keep("rest", floor=floor):
        question.keep("rest_titles")
        ranking += question.rows("rest_counts", places=places)
    return sorted(ranking, key=lambda row: (-row[1], row[0]))[:places]


def largest_not_wide(sizes: Iterable[tuple[int, int]], wide: int) -> int:
    """The smallest size that at most `wide` titles exceed. `sizes`: how many titles have each size, largest first."""
    for size, titles in sizes:
        wide -= titles
        if wide < 0:
            return size
    return 1  # every title is wide, or has only one person


def _highest_degrees(engine: Engine, edges: str, places: int) -> Ranking:
    spark = getattr(engine, "spark", None)
    if spark is None:
        raise InputError("--edges needs Spark: GraphX is a part of it")
    from spark_jobs import graphx

    return graphx.highest_degrees(spark, edges, places)


def _answer(engine: Engine, question: Question, ranking: Ranking) -> dict[str, Any]:
    people = [number for number, _ in ranking]
    names = question.names(people)
    ranks = [{"person": answer.person(number, names), "coworkers": count} for number, count in ranking]
    return {
        "winner": ranks[0] if ranks else None,
        "runnersUp": ranks[1:],
        "leftOut": answer.left_out(engine.lines(), people, names),
    }


JOB = run.Job("most_connected", __doc__, add_arguments, views, solve)

if __name__ == "__main__":
    run.on_spark(JOB)
