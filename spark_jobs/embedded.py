"""Answers a question with DuckDB, in this process: no Java, no cluster, and on one machine sooner than Spark.

`python -m spark_jobs.embedded best_director --inputs FOLDER --output FILE`
"""

import argparse
from collections.abc import Sequence

from spark_jobs import best_director, duckdb_reader, most_connected, run

JOBS = {job.name: job for job in (best_director.JOB, most_connected.JOB)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m spark_jobs.embedded",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--memory", help='what DuckDB may take before it spills to disk, such as "4GB"')
    parser.add_argument("--threads", type=int, help="default: one for each processor")
    questions = parser.add_subparsers(dest="question", required=True)
    for job in JOBS.values():
        job.add_all_arguments(questions.add_parser(job.name, description=job.about))
    options = parser.parse_args(arguments)
    run.run(
        JOBS[options.question],
        options,
        lambda paths: duckdb_reader.DuckDBEngine.open(paths, options.memory, options.threads),
        duckdb_reader.exists,
        run.write_file,
    )


if __name__ == "__main__":
    main()
