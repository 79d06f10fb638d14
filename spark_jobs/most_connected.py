"""The person who has worked with the most different people; ties go to the lower id.

Nobody has more co-workers than the sum of (people - 1) over their titles. The co-workers of the people with the highest
such bounds are counted first, then only those of people whose bound reaches the last rank found so far. The answer is
exact. `--edges` answers from the graph that coworker_edges.py writes, with GraphX.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

if __package__ in (None, ""):  # started as a file: Python then looks in this folder, not where the package is
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from spark_jobs.engine import Engine, GraphEngine
from spark_jobs.job import Job, Json, left_out, main, person
from spark_jobs.steps import Progress, Steps
from spark_jobs.views import InputError

VIEW_NAMES = ("principals", "names")

CANDIDATES = 256
"""Number of people whose co-workers are counted first. A lower number leaves more people for the second count."""
WIDE = 500_000
"""Number of titles that count with their own size in the bounds: a table of some 30 MB in every executor's memory."""

COUNTS = (
    "candidates",
    "candidate_titles",
    "candidate_counts",
    "remaining",
    "remaining_titles",
    "remaining_counts",
)
PRUNED = ("principals", "teams", "sizes", "wide", "bounds", *COUNTS, "names")
ALL_PAIRS = ("principals", "everyone", "names")

Ranking = list[tuple[int, int]]
"""People and the number of their co-workers, highest first. People without co-workers are left out."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    methods = parser.add_mutually_exclusive_group()
    methods.add_argument("--all-pairs", action="store_true", help="compare all pairs: slower, same answer")
    methods.add_argument("--edges", metavar="URI", help="folder that coworker_edges.py wrote, for GraphX; Spark only")


def views(options: argparse.Namespace) -> tuple[str, ...]:
    return ("names",) if options.edges else VIEW_NAMES


def solve(engine: Engine, progress: Progress, options: argparse.Namespace) -> Json:
    limit = options.runners_up + 1
    plan = ("degrees", "names") if options.edges else ALL_PAIRS if options.all_pairs else PRUNED
    steps = Steps(engine, progress, "most_connected", plan)
    if options.edges:
        if not isinstance(engine, GraphEngine):
            raise InputError("--edges needs Spark, because GraphX is part of it")
        with steps.stage("degrees"):
            ranking = engine.highest_degrees(options.edges, limit)
    elif options.all_pairs:
        steps.create_table("principals")
        ranking = [(number, count) for number, count in steps.rows("everyone", limit=limit)]
    else:
        ranking = rank_with_bounds(steps, limit)
    people = [number for number, _ in ranking]
    names = steps.names(people)
    ranks = [{"person": person(number, names), "coworkers": count} for number, count in ranking]
    return {
        "winner": ranks[0] if ranks else None,
        "runnersUp": ranks[1:],
        "leftOut": left_out(engine, people, names),
    }


def rank_with_bounds(steps: Steps, limit: int, candidates: int = CANDIDATES, wide: int = WIDE) -> Ranking:
    """`candidates` and `wide` affect the time only, not the result."""
    steps.create_table("principals")
    steps.create_table("teams")
    narrow_size = largest_narrow_size(steps.rows("sizes"), wide)
    steps.create_table("wide", narrow_size=narrow_size)
    steps.create_table("bounds", narrow_size=narrow_size)

    steps.create_table("candidates", candidates=candidates)
    steps.create_table("candidate_titles")
    ranking = steps.rows("candidate_counts", limit=limit)
    # A bound that equals the last rank is enough, because the lower id wins a tie.
    floor = ranking[-1][1] if len(ranking) == limit else 1
    if steps.create_table("remaining", floor=floor):
        steps.create_table("remaining_titles")
        ranking += steps.rows("remaining_counts", limit=limit)
    return sorted(((number, count) for number, count in ranking), key=lambda row: (-row[1], row[0]))[:limit]


def largest_narrow_size(sizes: Iterable[tuple[int, int]], wide: int) -> int:
    """The smallest size that at most `wide` titles exceed. `sizes`: (size, number of titles), largest first."""
    for size, titles in sizes:
        wide -= titles
        if wide < 0:
            return size
    return 1  # every title is wide, or has only one person


JOB = Job("most_connected", __doc__, add_arguments, views, solve)

if __name__ == "__main__":
    from spark_jobs.spark_engine import SparkEngine  # not above: run_duckdb imports this module, without pyspark

    main(JOB, SparkEngine.start(JOB.name))
