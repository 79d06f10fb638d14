"""Writes the graph of people who worked on the same title: two numbers a line, separated by a space, each pair once.

`most_connected.py --edges` reads it into GraphX.
"""

import argparse
import sys
from pathlib import Path

if __package__ in (None, ""):  # started as a file: Python then looks in this folder, not where the package is
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from spark_jobs.engine import Engine, GraphEngine
from spark_jobs.job import Job, Json, main
from spark_jobs.steps import Progress, Steps

VIEW_NAMES = ("principals",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--edges", metavar="URI", required=True, help="folder to write the edges to; it is replaced")


def solve(engine: Engine, progress: Progress, options: argparse.Namespace) -> Json:
    assert isinstance(engine, GraphEngine)
    steps = Steps(engine, progress, "most_connected", ["principals", "edges"])
    steps.create_table("principals")
    with steps.stage("edges") as sql:
        engine.write_csv(options.edges, sql, separator=" ")
    return {"edges": options.edges}


JOB = Job("coworker_edges", __doc__, add_arguments, lambda options: VIEW_NAMES, solve)

if __name__ == "__main__":
    from spark_jobs.spark_engine import SparkEngine  # not above: submit imports this module, without pyspark

    main(JOB, SparkEngine.start(JOB.name))
