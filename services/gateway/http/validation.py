"""Checks values against the specification's schemas. Messages name the field and never repeat its value."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import Draft4Validator, ValidationError
from jsonschema.validators import extend

from services.common.checks import has_control_characters
from services.gateway.http.problems import MAX_ERRORS, FieldError

Schema = Mapping[str, Any]

_NOUN = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
}


def check(validator: Draft4Validator, value: object, name: str = "") -> list[FieldError]:
    """The first errors in a value, at most one per field. `name` is the parameter's name; empty for a body."""
    messages: dict[str, str] = {}
    for error in validator.iter_errors(value):
        if len(messages) >= MAX_ERRORS:
            break
        path = ([name] if name else []) + [str(step) for step in error.absolute_path]
        for member, message in _explain(error):
            messages.setdefault(".".join([*path, *member]) or "body", message)
    return [FieldError(field, message) for field, message in messages.items()]


def _explain(error: ValidationError) -> Iterator[tuple[list[str], str]]:
    """Yields the invalid field's path within the value (empty for the value itself) and the message."""
    keyword, limit, schema = str(error.validator), error.validator_value, error.schema
    if keyword == "required":
        # jsonschema names the field only in its message: "'name' is a required property".
        yield [error.message.removesuffix(" is a required property").strip("'")], "is required"
    elif keyword == "additionalProperties":
        for member in error.instance.keys() - schema["properties"].keys():
            yield [printable(member)], "unknown field"
    elif keyword == "pattern":
        yield [], f"must {schema.get('x-must', 'match ' + limit)}"
    else:
        yield [], _MESSAGE[keyword](limit)


_MESSAGE: Mapping[str, Callable[[Any], str]] = {
    "type": lambda limit: f"must be {_NOUN[limit]}",
    "text": lambda limit: "must not contain control characters or unpaired surrogates",
    "enum": lambda limit: f"must be one of {', '.join(limit)}",
    "minimum": lambda limit: f"must be at least {limit}",
    "maximum": lambda limit: f"must be at most {limit}",
    "minLength": lambda limit: "must not be empty" if limit == 1 else f"must be at least {limit} characters long",
    "maxLength": lambda limit: f"must be at most {limit} characters long",
    "minItems": lambda limit: f"must have at least {limit} {'entry' if limit == 1 else 'entries'}",
    "maxItems": lambda limit: f"must have at most {limit} entries",
    "uniqueItems": lambda limit: "must not contain duplicates",
}


def printable(name: str) -> str:
    """A name chosen by the client, safe to repeat in a response."""
    return re.sub(r"[^\w.\-\[\] ]", "?", name)[:50]


def _type(validator: Any, limit: str, instance: object, schema: Schema) -> Iterator[ValidationError]:
    yield from Draft4Validator.VALIDATORS["type"](validator, limit, instance, schema)
    if isinstance(instance, str) and has_control_characters(instance, line_breaks=schema.get("format") == "multiline"):
        yield ValidationError("text", validator="text")


def _unique(validator: Any, limit: bool, instance: Any, schema: Schema) -> Iterator[ValidationError]:
    # The comparison is quadratic, so skip it for arrays that are too long anyway.
    if isinstance(instance, list) and len(instance) <= schema["maxItems"]:
        yield from Draft4Validator.VALIDATORS["uniqueItems"](validator, limit, instance, schema)


# The schemas of OpenAPI 3.0 are almost those of draft 4.
Validator = extend(Draft4Validator, {"type": _type, "uniqueItems": _unique})
