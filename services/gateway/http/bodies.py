"""JSON bodies of requests."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NoReturn

from starlette.datastructures import Headers
from starlette.types import Receive

from services.common import deadline
from services.gateway.http import problems
from services.gateway.http.problems import FieldError, Problem
from services.gateway.http.responses import JSON
from services.gateway.http.validation import Validator, check, printable

MAX_LENGTH_DIGITS = 19  # of a Content-Length


def check_declared_length(headers: Headers, max_bytes: int) -> None:
    """Raises a 413 problem if the Content-Length is too large or not a number."""
    declared = headers.get("content-length", "0")
    if len(declared) > MAX_LENGTH_DIGITS or not declared.isdecimal() or int(declared) > max_bytes:
        raise _too_large(max_bytes)


class Body:
    """The JSON body of one operation."""

    def __init__(self, schema: Mapping[str, Any], required: bool, max_bytes: int) -> None:
        self._validator = Validator(schema)
        self._required = required
        self._max_bytes = max_bytes
        self._defaults = {
            name: member["default"] for name, member in schema["properties"].items() if "default" in member
        }

    async def read(self, headers: Headers, receive: Receive) -> dict[str, Any]:
        """The body with the schema's defaults filled in. Raises a problem that names each field at fault."""
        content = await self._receive_all(receive)
        if not content:
            if self._required:
                raise _invalid_body("must not be empty")
            return dict(self._defaults)
        _check_media_type(headers)
        value = _parse(content)
        if errors := check(self._validator, value):
            raise problems.invalid(errors)
        return {**self._defaults, **value}

    async def _receive_all(self, receive: Receive) -> bytes:
        content = bytearray()
        more = True
        try:
            async with asyncio.timeout(deadline.remaining()):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Problem(400, "the client closed the connection before the end of the body")
                    content += message.get("body", b"")
                    if len(content) > self._max_bytes:  # sent in chunks, without Content-Length
                        raise _too_large(self._max_bytes)
                    more = message.get("more_body", False)
        except TimeoutError:
            raise Problem(408, "the body took too long to arrive") from None
        return bytes(content)


def _check_media_type(headers: Headers) -> None:
    if headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise _unsupported("Content-Encoding", "must be absent: compressed bodies are not supported")
    # Without a Content-Type, assume the only supported one.
    media_type, *parameters = headers.get("content-type", JSON).lower().split(";")
    if media_type.strip() != JSON:
        raise _unsupported("Content-Type", f"must be {JSON}")
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8", "us-ascii"):
            raise _unsupported("Content-Type", "must not name a charset other than UTF-8")


def _parse(content: bytes) -> Any:
    try:
        return json.loads(content.decode(), object_pairs_hook=_unique_names, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise _invalid_body("must be UTF-8") from None
    except json.JSONDecodeError as error:
        raise _invalid_body(f"is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _invalid_body("is nested too deeply") from None
    except ValueError:  # Python's limit on the digits of a number
        raise _invalid_body("contains a number with too many digits") from None


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise problems.invalid([FieldError(printable(name), "must not be repeated")])
        members[name] = value
    return members


def _refuse_constant(constant: str) -> NoReturn:
    raise _invalid_body(f"is not valid JSON: {constant} is not a JSON number")


def _unsupported(header: str, message: str) -> Problem:
    # RFC 9110, section 15.5.16: the response says what is supported.
    accepted = {"Accept": JSON, "Accept-Encoding": "identity"}
    return Problem(415, f"{header}: {message}", errors=[FieldError(header, message)], headers=accepted)


def _invalid_body(message: str) -> Problem:
    return problems.invalid([FieldError("body", message)])


def _too_large(max_bytes: int) -> Problem:
    # The connection stays open: closing it while the client still sends would lose the response.
    message = f"must be at most {max_bytes} bytes long"
    return Problem(413, f"body: {message}", errors=[FieldError("body", message)])
