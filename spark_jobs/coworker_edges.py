"""Writes the graph of who worked on the same title: two people's numbers a line, a space between, each pair once.

The original way to the best connected person: `most_connected.py --edges` reads it into GraphX.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # started as a file: Python then looks in this folder, not where the package is
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from spark_jobs import run
from spark_jobs.engine import Engine
from spark_jobs.progress import Progress
from spark_jobs.question import Question
from spark_jobs.spark_reader import SparkEngine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--edges", metavar="URI", required=True, help="the folder to write the edges to; replaced")


def views(options: argparse.Namespace) -> tuple[str, ...]:
    return ("principals",)


def solve(engine: Engine, progress: Progress, options: argparse.Namespace) -> dict[str, Any]:
    assert isinstance(engine, SparkEngine)
    question = Question(engine, progress, "most_connected", ["principals", "edges"])
    question.keep("principals")
    with question.stage("edges") as sql:
        engine.write_csv(options.edges, sql, separator=" ")
    return {"edges": options.edges}


JOB = run.Job("coworker_edges", __doc__, add_arguments, views, solve)

if __name__ == "__main__":
    run.on_spark(JOB)
