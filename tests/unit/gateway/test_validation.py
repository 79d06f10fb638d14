"""Messages name the field and never repeat its value."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway import specification
from services.gateway.http.problems import MAX_ERRORS, FieldError
from services.gateway.http.validation import Validator, check

SCHEMA = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 3},
        "text": {"type": "string", "format": "multiline"},
        "link": {"type": "string", "pattern": "^a", "x-must": "begin with a"},
        "kind": {"type": "string", "enum": ["x", "y"]},
        "number": {"type": "integer", "minimum": 1, "maximum": 9},
        "list": {"type": "array", "minItems": 1, "maxItems": 2, "uniqueItems": True, "items": {"type": "string"}},
    },
}
ALL = Validator(SCHEMA)


@pytest.mark.parametrize(
    ("member", "field", "message"),
    [
        ({"name": None}, "name", "must be a string"),
        ({"name": ""}, "name", "must not be empty"),
        ({"name": "abcd"}, "name", "must be at most 3 characters long"),
        ({"name": "a\n"}, "name", "must not contain control characters or unpaired surrogates"),
        ({"name": "\ud800"}, "name", "must not contain control characters or unpaired surrogates"),
        ({"text": "\x00"}, "text", "must not contain control characters or unpaired surrogates"),
        ({"link": "b"}, "link", "must begin with a"),
        ({"kind": "z"}, "kind", "must be one of x, y"),
        ({"kind": 7}, "kind", "must be a string"),
        ({"number": 0}, "number", "must be at least 1"),
        ({"number": 10}, "number", "must be at most 9"),
        ({"number": 1.0}, "number", "must be an integer"),
        ({"number": True}, "number", "must be an integer"),
        ({"number": "1"}, "number", "must be an integer"),
        ({"list": []}, "list", "must have at least 1 entry"),
        ({"list": ["a", "b", "c"]}, "list", "must have at most 2 entries"),
        ({"list": ["a", "a"]}, "list", "must not contain duplicates"),
        ({"list": ["a", 7]}, "list.1", "must be a string"),
        ({"list": None}, "list", "must be an array"),
        ({"other": 1}, "other", "unknown field"),
    ],
)
def test_an_invalid_field_is_named(member: dict[str, Any], field: str, message: str) -> None:
    assert check(ALL, {"name": "a"} | member) == [FieldError(field, message)]


def test_a_missing_field_is_named() -> None:
    assert check(ALL, {}) == [FieldError("name", "is required")]


def test_an_error_about_the_whole_value_names_the_body() -> None:
    assert check(ALL, []) == [FieldError("body", "must be an object")]


def test_an_error_in_a_parameter_has_the_parameters_name() -> None:
    assert check(Validator({"type": "integer"}), "x", "page") == [FieldError("page", "must be an integer")]


def test_multiline_text_may_contain_line_breaks() -> None:
    assert check(ALL, {"name": "a", "text": "one\r\n\ttwo"}) == []


def test_a_long_array_is_not_searched_for_duplicates_and_only_its_first_errors_are_reported() -> None:
    errors = check(ALL, {"name": "a", "list": [{} for _ in range(20_000)]})
    assert len(errors) == MAX_ERRORS
    assert errors[:2] == [
        FieldError("list", "must have at most 2 entries"),
        FieldError("list.0", "must be a string"),
    ]


values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
objects = st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]) | st.text(), values)  # type: ignore[misc]


@given(objects)
def test_any_value_can_be_checked(value: dict[str, Any]) -> None:
    for fault in check(ALL, value):
        assert fault.message
        assert fault.field.isprintable()


def test_request_schemas_use_only_keywords_that_have_a_message() -> None:
    explained = {"type", "enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems"}
    explained |= {"required", "properties", "additionalProperties", "items", "pattern", "x-must"}
    silent = {"description", "format", "default", "example"}
    schemas = specification.document("http://x")["components"]["schemas"]
    for name in (
        "NewItem",
        "SuggestionRequest",
        "UserNaming",
        "ItemId",
        "ItemType",
        "ItemName",
        "Category",
        "Username",
    ):
        for schema in (schemas[name], *schemas[name].get("properties", {}).values()):
            assert schema.keys() <= explained | silent | {"$ref"}, name
