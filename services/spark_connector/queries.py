"""The two questions, and queries: a question with arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from seen.v1.spark_pb2 import BestDirector, MostConnected
from services.common import checks
from spark_jobs import best_director, most_connected
from spark_jobs.views import IMDB_VIEWS


@dataclass(frozen=True)
class Parameter:
    """A number from 1 to `maximum`. 0 in a request means the default."""

    rest_name: str
    default: int
    maximum: int


@dataclass(frozen=True, eq=False)
class Question:
    """`name` is the name of the job and the prefix of stored answers. `views` are the views that the job reads."""

    name: str
    views: Sequence[str]
    answer_type: type[Message]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def files(self) -> Sequence[str]:
        """The names of the IMDb files that the job reads."""
        return [IMDB_VIEWS[view].file for view in self.views]

    def query(self, **values: int) -> "Query":
        """Raises InvalidArgument for a value out of range."""
        return Query(
            self,
            tuple(
                (name, checks.integer(parameter.rest_name, values.get(name) or parameter.default, 1, parameter.maximum))
                for name, parameter in self.parameters.items()
            ),
        )

    def parse_answer(self, result: Mapping[str, Any]) -> Message:
        """The answer in a job's result. Raises ValueError if there is none, as in results of older versions."""
        try:
            return json_format.ParseDict(result["answer"], self.answer_type())
        except (json_format.ParseError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class Query:
    question: Question
    arguments: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        """The name of the stored answer: best_director.min_films=10.min_votes=10000."""
        return ".".join([self.question.name, *(f"{name}={value}" for name, value in self.arguments)])

    @property
    def is_default(self) -> bool:
        return self == self.question.query()


BEST_DIRECTOR = Question(
    "best_director",
    best_director.VIEW_NAMES,
    BestDirector,
    {
        "min_films": Parameter("minFilms", best_director.MIN_FILMS, 1000),
        "min_votes": Parameter("minVotes", best_director.MIN_VOTES, 1_000_000_000),
    },
)
MOST_CONNECTED = Question("most_connected", most_connected.VIEW_NAMES, MostConnected)
QUESTIONS = (BEST_DIRECTOR, MOST_CONNECTED)
