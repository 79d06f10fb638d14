"""A request's body as JSON."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NoReturn

from starlette.datastructures import Headers
from starlette.types import Receive

from services.common import deadline
from services.gateway import problems
from services.gateway.problems import FieldError, Problem
from services.gateway.validation import Validator, faults, printable

MEDIA_TYPE = "application/json"


class Body:
    """The body of one operation."""

    def __init__(self, schema: Mapping[str, Any], required: bool) -> None:
        self._validator = Validator(schema)
        self._required = required

    async def read(self, headers: Headers, receive: Receive) -> Any:
        """What the body says; None where none is there or needed. Raises a problem that names what is wrong."""
        content = await _received(receive)
        if not content:
            if self._required:
                raise _refused("must not be empty")
            return None
        _check_kind(headers)
        value = _parsed(content)
        if errors := faults(self._validator, value):
            raise problems.invalid(errors)
        return value


async def _received(receive: Receive) -> bytes:
    parts = []
    more = True
    try:
        async with asyncio.timeout(deadline.remaining()):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(400, "the client went away before its body was there")
                parts.append(message.get("body", b""))
                more = message.get("more_body", False)
    except TimeoutError:
        raise Problem(408, "the body took too long to arrive") from None
    return b"".join(parts)


def _check_kind(headers: Headers) -> None:
    if headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise _wrong_kind("Content-Encoding", "must be left out: the body must not be compressed")
    # Without a type it is taken for what it must be.
    kind, *rest = headers.get("content-type", MEDIA_TYPE).lower().split(";")
    if kind.strip() != MEDIA_TYPE:
        raise _wrong_kind("Content-Type", f"must be {MEDIA_TYPE}")
    for parameter in rest:
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8", "us-ascii"):
            raise _wrong_kind("Content-Type", "must name no charset but UTF-8")


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content.decode(), object_pairs_hook=_once_each, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise _refused("must be in UTF-8") from None
    except json.JSONDecodeError as error:
        raise _refused(f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _refused("is nested too deeply") from None
    except ValueError:  # Python's limit on the digits of a number
        raise _refused("holds a number that is too long") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise problems.invalid([FieldError(printable(name), "must be given only once")])
        found[name] = value
    return found


def _no_number(constant: str) -> NoReturn:
    raise _refused(f"is not JSON: {constant} is no number")


def _wrong_kind(header: str, message: str) -> Problem:
    # What would be accepted: RFC 9110, section 15.5.16.
    accepted = {"Accept": MEDIA_TYPE, "Accept-Encoding": "identity"}
    return Problem(415, f"{header}: {message}", errors=[FieldError(header, message)], headers=accepted)


def _refused(message: str) -> Problem:
    return problems.invalid([FieldError("body", message)])
