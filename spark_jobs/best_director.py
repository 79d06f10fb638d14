"""The director with the best average rating over all their films with enough votes, among those with enough such films.

Ties go to more films, then to more votes, then to the lower id. Films are titles of type `movie`; their directors are
those in title.crew.
"""

import argparse
import sys
from pathlib import Path

if __package__ in (None, ""):  # started as a file: Python then looks in this folder, not where the package is
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from spark_jobs.engine import Engine
from spark_jobs.job import Job, Json, film, left_out, main, person
from spark_jobs.steps import Progress, Steps

VIEW_NAMES = ("basics", "ratings", "crew", "names")
PLAN = ("rated", "films", "directed", "ranking", "films_of_winner", "names")
MIN_FILMS, MIN_VOTES = 10, 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--min-films", type=int, default=MIN_FILMS, help="films that a director must have; default %(default)s"
    )
    parser.add_argument(
        "--min-votes", type=int, default=MIN_VOTES, help="votes that a film must have; default %(default)s"
    )


def solve(engine: Engine, progress: Progress, options: argparse.Namespace) -> Json:
    steps = Steps(engine, progress, "best_director", PLAN)
    steps.create_table("rated", min_votes=options.min_votes)
    steps.create_table("films")
    steps.create_table("directed")
    ranking = steps.rows("ranking", min_films=options.min_films, limit=options.runners_up + 1)
    films = steps.rows("films_of_winner", winner=ranking[0][0]) if ranking else []
    people = [row[0] for row in ranking]
    names = steps.names(people)
    ranks = [
        {
            "person": person(number, names),
            "averageRating": int(tenths) / count / 10,
            "films": count,
            "votes": int(votes),
        }
        for number, count, tenths, votes, _ in ranking
    ]
    return {
        "winner": ranks[0] if ranks else None,
        "films": [film(*row) for row in films],
        "runnersUp": ranks[1:],
        "leftOut": left_out(engine, people, names),
    }


JOB = Job("best_director", __doc__, add_arguments, lambda options: VIEW_NAMES, solve)

if __name__ == "__main__":
    from spark_jobs.spark_engine import SparkEngine  # not above: run_duckdb imports this module, without pyspark

    main(JOB, SparkEngine.start(JOB.name))
