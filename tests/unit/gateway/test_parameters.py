"""Parameters become the arguments of a handler."""

from typing import Any

import pytest

from services.gateway.http.parameters import Parameters
from services.gateway.http.problems import Problem

DEFINITIONS = [
    {"name": "page", "in": "path", "schema": {"type": "integer", "minimum": 1}},
    {"name": "minFilms", "in": "query", "schema": {"type": "integer", "default": 10}},
    {"name": "search", "in": "query", "schema": {"type": "string"}},
    {"name": "items", "in": "query", "schema": {"type": "array", "items": {"type": "string", "minLength": 1}}},
    {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}},
]


def read(page: str = "1", query: bytes = b"") -> dict[str, Any]:
    return Parameters(DEFINITIONS).read({"page": page}, query)


def test_arguments_have_the_names_and_types_that_a_handler_expects() -> None:
    assert read("7", b"minFilms=3&search=a+b%20c") == {"page": 7, "min_films": 3, "search": "a b c"}


def test_an_array_is_separated_by_commas() -> None:
    assert read(query=b"items=a/b,c%2Fd%2Ce")["items"] == ["a/b", "c/d", "e"]


def test_an_invalid_entry_of_an_array_is_named_by_its_position() -> None:
    with pytest.raises(Problem, match=r"items\.1: must not be empty"):
        read(query=b"items=a,,c")


def test_a_required_parameter_must_be_given() -> None:
    with pytest.raises(Problem, match="items: is required"):
        Parameters([{"name": "items", "in": "query", "required": True, "schema": {"type": "array"}}]).read({}, b"")


def test_an_absent_parameter_has_its_default() -> None:
    assert read() == {"page": 1, "min_films": 10}


@pytest.mark.parametrize("page", ["", "x", "1.0", "1e3", "+1", " 1", "1 ", "0x1", "1_000", "١", "9" * 5000])
def test_a_value_that_is_not_an_integer_is_refused(page: str) -> None:
    with pytest.raises(Problem, match="page: must be an integer"):
        read(page)


def test_all_invalid_parameters_are_named() -> None:
    with pytest.raises(Problem) as problem:
        read("0", b"minFilms=x&other=1&search=a&search=b")
    assert [error.field for error in problem.value.errors] == ["page", "minFilms", "other", "search"]
