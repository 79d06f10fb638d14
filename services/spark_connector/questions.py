"""The two questions: what each is called, takes, reads and answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from seen.v1.spark_pb2 import BestDirector, MostConnected
from services.common import checks

MOST_FILMS = 1000
MOST_VOTES = 1_000_000_000


@dataclass(frozen=True)
class Question:
    """`name` is also the name of its job in spark_jobs, and what its kept answers' names begin with."""

    name: str
    reads: Sequence[str]
    answer: type[Message]
    defaults: Mapping[str, int]

    def __hash__(self) -> int:
        return hash(self.name)

    def read(self, result: Mapping[str, Any]) -> Message:
        """The answer in a job's result; it has no winner where nobody qualifies. ValueError where there is none."""
        try:
            # The result names the people without a name; an answer only says how many they are.
            left_out = result["leftOut"] | {"peopleWithoutName": len(result["leftOut"]["peopleWithoutName"])}
            told = {"winner": result["winner"], **result, "leftOut": left_out}
            return json_format.ParseDict(told, self.answer(), ignore_unknown_fields=True)
        except (json_format.ParseError, LookupError, TypeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error


BEST_DIRECTOR = Question(
    "best_director",
    ("title.basics", "title.ratings", "title.crew", "name.basics"),
    BestDirector,
    MappingProxyType({"min_films": 10, "min_votes": 10_000}),
)
MOST_CONNECTED = Question("most_connected", ("title.principals", "name.basics"), MostConnected, MappingProxyType({}))
QUESTIONS = (BEST_DIRECTOR, MOST_CONNECTED)


@dataclass(frozen=True)
class Asked:
    """A question with its arguments."""

    question: Question
    arguments: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        """Names the kept answer: best_director.min_films=10.min_votes=10000."""
        return ".".join([self.question.name, *(f"{name}={value}" for name, value in self.arguments)])

    @property
    def is_default(self) -> bool:
        return dict(self.arguments) == self.question.defaults


def best_director(min_films: int, min_votes: int) -> Asked:
    """0 takes the default of either. InvalidArgument out of their ranges."""
    defaults = BEST_DIRECTOR.defaults
    return Asked(
        BEST_DIRECTOR,
        (
            ("min_films", checks.integer("minFilms", min_films or defaults["min_films"], 1, MOST_FILMS)),
            ("min_votes", checks.integer("minVotes", min_votes or defaults["min_votes"], 0, MOST_VOTES)),
        ),
    )


def most_connected() -> Asked:
    return Asked(MOST_CONNECTED)
