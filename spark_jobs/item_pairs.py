"""Counts which items the same people have marked, for services/taste. Pairs of fewer than five people are left out.

Writes three folders of Parquet files: `items` (item: "TYPE/ID", number), `marked` (person, item, weight) and `pairs`
(item, other, people, weight, hidden_people, hidden_weight, with item < other; one folder for each part). Items and
people are numbered from 0. A mark's weight is 10 for a like and 3 for an item seen. A pair's weight is the sum, over
the people, of the product of both marks' weights. The columns `hidden_…` count only the people whose number is a
multiple of ten.
"""

import argparse
import sys
from pathlib import Path

if __package__ in (None, ""):  # started as a file: Python then looks in this folder, not where the package is
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from spark_jobs.engine import Engine
from spark_jobs.job import Job, Json, main
from spark_jobs.steps import Progress, Steps

VIEW_NAMES = ("marks",)
NEWEST = 500
"""Number of a person's marks that count."""
MIN_PEOPLE = 5
"""Minimum number of people for a pair: a rarer pair may identify a person, and is mostly chance."""
HIDDEN = 10
"""One person in this many is also counted separately, in the columns `hidden_…`."""
PLAN = ("newest", "items", "people", "marked", "pairs")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--marks", metavar="URI", help="path of marks.tsv, if it is not in --inputs")
    parser.add_argument("--pairs", metavar="URI", required=True, help="folder to write to; its content is replaced")
    parser.add_argument("--parts", type=int, default=1, help="count in this many steps, to save memory")


def solve(engine: Engine, progress: Progress, options: argparse.Namespace) -> Json:
    return count(engine, Steps(engine, progress, "item_pairs", PLAN), options.pairs, options.parts)


def count(engine: Engine, steps: Steps, folder: str, parts: int) -> Json:
    folder = folder.rstrip("/")
    counts = {name: steps.create_table(name, newest=NEWEST) for name in ("newest", "items", "people", "marked")}
    for name in ("items", "marked"):
        engine.write_parquet(f"{folder}/{name}", f"SELECT * FROM {name}")  # noqa: S608 - one of two names
    for part in range(parts):
        share = (part / parts, (part + 1) / parts)
        with steps.stage("pairs", share, people=MIN_PEOPLE, hidden=HIDDEN, parts=parts, part=part) as sql:
            engine.write_parquet(f"{folder}/pairs/part={part}", sql)
    return {"pairs": folder, "people": counts["people"], "items": counts["items"], "marks": counts["marked"]}


JOB = Job("item_pairs", __doc__, add_arguments, lambda options: VIEW_NAMES, solve)

if __name__ == "__main__":
    from spark_jobs.spark_engine import SparkEngine  # not above: run_duckdb imports this module, without pyspark

    main(JOB, SparkEngine.start(JOB.name))
