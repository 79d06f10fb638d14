"""Checks values against the specification's schemas, and names the fields at fault without repeating what was sent."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import Draft4Validator, ValidationError
from jsonschema.validators import extend

from services.gateway.http.problems import FieldError

Schema = Mapping[str, Any]

_NOUN = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
# What no value may hold: control characters, and halves of characters that are no Unicode.
_UNUSABLE = frozenset({"Cc", "Cs"})


def faults(validator: Draft4Validator, value: object, name: str = "") -> list[FieldError]:
    """What is wrong with a value, one fault a field; `name` is what the caller knows the value by."""
    found: dict[str, str] = {}
    for error in validator.iter_errors(value):
        at = ([name] if name else []) + [str(step) for step in error.absolute_path]
        for member, message in _explained(error):
            found.setdefault(".".join([*at, *member]) or "body", message)
    return [FieldError(field, message) for field, message in found.items()]


def _explained(error: ValidationError) -> Iterator[tuple[list[str], str]]:
    """The members that the error is about, none where it is about the value itself, and what they must be."""
    keyword, wanted, schema = str(error.validator), error.validator_value, error.schema
    if keyword == "required":
        yield [_missing(error)], "is required"
    elif keyword == "additionalProperties":
        for member in error.instance.keys() - schema["properties"].keys():
            yield [printable(member)], "is not known"
    elif keyword == "pattern":
        yield [], f"must {schema.get('x-must', 'match ' + wanted)}"
    else:
        yield [], _MESSAGE[keyword](wanted)


_MESSAGE: Mapping[str, Callable[[Any], str]] = {
    "type": lambda wanted: f"must be {_NOUN[wanted]}",
    "text": lambda wanted: "must not hold control characters or broken Unicode",
    "enum": lambda wanted: f"must be one of {', '.join(wanted)}",
    "minimum": lambda wanted: f"must be at least {wanted}",
    "maximum": lambda wanted: f"must be at most {wanted}",
    "minLength": lambda wanted: "must not be empty" if wanted == 1 else f"must be at least {wanted} characters long",
    "maxLength": lambda wanted: f"must be at most {wanted} characters long",
    "minItems": lambda wanted: f"must hold at least {wanted}",
    "maxItems": lambda wanted: f"must hold at most {wanted}",
    "uniqueItems": lambda wanted: "must hold each only once",
}


def printable(name: str) -> str:
    """A name that somebody else chose, fit to be sent back to them."""
    return re.sub(r"[^\w.\-\[\] ]", "?", name)[:50]


def _missing(error: ValidationError) -> str:
    # jsonschema names the one that is missing only in its sentence: "'name' is a required property".
    return str(error.message).removesuffix(" is a required property").strip("'")


def _type(validator: Any, wanted: str, instance: object, schema: Schema) -> Iterator[ValidationError]:
    yield from Draft4Validator.VALIDATORS["type"](validator, wanted, instance, schema)
    if isinstance(instance, str):
        allowed = "\t\r\n" if schema.get("format") == "multiline" else ""
        if not instance.isprintable() and any(
            unicodedata.category(character) in _UNUSABLE and character not in allowed for character in instance
        ):
            yield ValidationError("text", validator="text")


def _unique(validator: Any, wanted: bool, instance: Any, schema: Schema) -> Iterator[ValidationError]:
    # Comparing a list's members with each other is quadratic, so not where there are too many of them anyway.
    if isinstance(instance, list) and len(instance) <= schema["maxItems"]:
        yield from Draft4Validator.VALIDATORS["uniqueItems"](validator, wanted, instance, schema)


# OpenAPI 3.0's schemas are draft 4's, nearly.
Validator = extend(Draft4Validator, {"type": _type, "uniqueItems": _unique})
