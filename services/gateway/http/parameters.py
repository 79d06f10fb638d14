"""Reads and checks parameters in the path and query."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from services.gateway.http import problems
from services.gateway.http.problems import FieldError
from services.gateway.http.validation import Validator, check, printable

MAX_QUERY_PARAMETERS = 50

# 19 digits: the length of the largest 64-bit integer.
_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)


class Parameters:
    """The parameters of one operation. Handlers get them in snake_case: `minFilms` is `min_films`."""

    def __init__(self, definitions: Sequence[Mapping[str, Any]]) -> None:
        self._path = {item["name"]: Parameter(item) for item in definitions if item["in"] == "path"}
        self._query = {item["name"]: Parameter(item) for item in definitions if item["in"] == "query"}
        self._required = [item["name"] for item in definitions if item["in"] == "query" and item.get("required")]
        self._defaults = {
            parameter.argument: parameter.default for parameter in self._query.values() if parameter.default is not None
        }

    def read(self, path_values: Mapping[str, str], query: bytes) -> dict[str, Any]:
        """The handler's arguments. Raises a problem that names each parameter at fault."""
        arguments = dict(self._defaults)
        errors: list[FieldError] = []
        for name, parameter in self._path.items():
            errors += parameter.read(path_values[name], arguments)
        if query or self._required:
            errors += self._read_query(query, arguments)
        if errors:
            raise problems.invalid(errors)
        return arguments

    def _read_query(self, query: bytes, arguments: dict[str, Any]) -> list[FieldError]:
        try:
            pairs = parse_qsl(
                query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_PARAMETERS
            )
        except UnicodeDecodeError:
            return [FieldError("query", "must be percent-encoded UTF-8")]
        except ValueError:
            return [FieldError("query", f"must have at most {MAX_QUERY_PARAMETERS} parameters")]
        errors: list[FieldError] = []
        seen: set[str] = set()
        for name, value in pairs:
            if name not in self._query:
                errors.append(FieldError(printable(name), "unknown parameter"))
            elif name in seen:
                errors.append(FieldError(name, "must not be repeated"))
            else:
                errors += self._query[name].read(value, arguments)
            seen.add(name)
        return errors + [FieldError(name, "is required") for name in self._required if name not in seen]


class Parameter:
    def __init__(self, definition: Mapping[str, Any]) -> None:
        schema = definition["schema"]
        self._name: str = definition["name"]
        self.argument = re.sub("([A-Z])", r"_\1", self._name).lower()
        self.default = schema.get("default")
        self._parse = _PARSE[schema["type"]]
        self._validator = Validator(schema)

    def read(self, text: str, arguments: dict[str, Any]) -> list[FieldError]:
        arguments[self.argument] = value = self._parse(text)
        return check(self._validator, value, self._name)


def _integer(text: str) -> int | str:
    return int(text) if _INTEGER.fullmatch(text) else text


def _array(text: str) -> list[str]:
    """`style: form` and `explode: false`; the entries are text without commas."""
    return text.split(",")


# Text that does not match the type stays a string, which the schema then refuses.
_PARSE: Mapping[str, Callable[[str], object]] = {"string": str, "integer": _integer, "array": _array}
