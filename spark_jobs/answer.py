"""How people, films and what was left out are told in a result."""

from collections.abc import Iterable, Mapping
from typing import Any

from spark_jobs.engine import Lines


def person(number: int, names: Mapping[int, str]) -> dict[str, Any]:
    """Without `name` where IMDb's list of names lacks them."""
    identifier = f"nm{number:07d}"
    told = {"id": identifier, "link": f"https://www.imdb.com/name/{identifier}/"}
    name = names.get(number)
    return told if name is None else told | {"name": name}


def film(number: int, name: str | None, year: int | None, tenths: int, votes: int) -> dict[str, Any]:
    identifier = f"tt{number:07d}"
    told = {"id": identifier, "name": name or identifier, "rating": tenths / 10, "votes": votes}
    return told if year is None else told | {"year": year}


def left_out(lines: Mapping[str, Lines], people: Iterable[int], names: Mapping[int, str]) -> dict[str, Any]:
    """What the answer does not rest on, so that nobody takes it for more than it is."""
    return {
        "unreadableLines": sum(read.unreadable for read in lines.values()),
        "peopleWithoutName": [f"nm{number:07d}" for number in people if names.get(number) is None],
    }


def inputs(lines: Mapping[str, Lines]) -> dict[str, Any]:
    return {
        name: {"path": read.path, "lines": read.lines, "unreadable": read.unreadable} for name, read in lines.items()
    }
