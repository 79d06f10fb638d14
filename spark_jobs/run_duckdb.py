"""Answers a question with DuckDB in this process. Needs no Java, and is faster than Spark on one machine.

`python -m spark_jobs.run_duckdb best_director --inputs FOLDER --output FILE`
"""

import argparse
from collections.abc import Sequence

from spark_jobs import best_director, item_pairs, job, most_connected
from spark_jobs.duckdb_engine import DuckDBEngine

JOBS = {question.name: question for question in (best_director.JOB, most_connected.JOB, item_pairs.JOB)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m spark_jobs.run_duckdb",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--memory", help='memory that DuckDB uses before it spills to disk, such as "4GB"')
    parser.add_argument("--threads", type=int, help="default: one per processor")
    questions = parser.add_subparsers(dest="question", required=True)
    for question in JOBS.values():
        question.add_arguments(questions.add_parser(question.name, description=question.description))
    options = parser.parse_args(arguments)
    job.run(JOBS[options.question], options, DuckDBEngine.start(options.memory, options.threads))


if __name__ == "__main__":
    main()
