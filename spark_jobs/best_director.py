"""The director with the best average rating over all their films with enough votes, among those with enough such films.

Ties go to more films, then to more votes, then to the lower id. Films are titles of type `movie`; who directed them
is what title.crew says.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # started as a file: Python then looks in this folder, not where the package is
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from spark_jobs import answer, run
from spark_jobs.engine import Engine
from spark_jobs.progress import Progress
from spark_jobs.question import Question

VIEWS = ("basics", "ratings", "crew", "names")
PLAN = ("rated", "films", "directed", "ranking", "films_of_winner", "names")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--min-films", type=int, default=10, help="films a director must have; default 10")
    parser.add_argument("--min-votes", type=int, default=10_000, help="votes a film must have; default 10,000")


def views(options: argparse.Namespace) -> tuple[str, ...]:
    return VIEWS


def solve(engine: Engine, progress: Progress, options: argparse.Namespace) -> dict[str, Any]:
    return best_director(engine, progress, options.min_films, options.min_votes, options.runners_up)


def best_director(
    engine: Engine, progress: Progress, min_films: int, min_votes: int, runners_up: int
) -> dict[str, Any]:
    question = Question(engine, progress, "best_director", PLAN)
    question.keep("rated", min_votes=min_votes)
    question.keep("films")
    question.keep("directed")
    ranking = question.rows("ranking", min_films=min_films, places=runners_up + 1)
    films = question.rows("films_of_winner", winner=ranking[0][0]) if ranking else []
    people = [row[0] for row in ranking]
    names = question.names(people)
    ranks = [
        {
            "person": answer.person(number, names),
            "averageRating": int(tenths) / films / 10,
            "films": films,
            "votes": int(votes),
        }
        for number, films, tenths, votes, _ in ranking
    ]
    return {
        "winner": ranks[0] if ranks else None,
        "films": [answer.film(*row) for row in films],
        "runnersUp": ranks[1:],
        "leftOut": answer.left_out(engine.lines(), people, names),
    }


JOB = run.Job("best_director", __doc__, add_arguments, views, solve)

if __name__ == "__main__":
    run.on_spark(JOB)
