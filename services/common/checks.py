"""Checks of values from outside. Each raises InvalidArgument with the field's name."""

import unicodedata

from services.common.errors import InvalidArgument

# Format characters and separators: https://www.unicode.org/reports/tr44/#General_Category_Values
INVISIBLE = frozenset({"Cf", "Zs", "Zl", "Zp"})


def integer(field: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise InvalidArgument(field, f"must be between {low} and {high}, not {value}")
    return value


def text(field: str, value: str, max_length: int, *, min_length: int = 1, line_breaks: bool = False) -> str:
    """The text in NFC with white space stripped from both ends. Lengths are in characters.

    Refuses control characters and text without a visible character.
    """
    if len(value) > max_length * 4:  # before any work: a megabyte should cost nothing
        raise InvalidArgument(field, f"must be at most {max_length} characters long")
    stripped = unicodedata.normalize("NFC", value.strip())
    if not min_length <= len(stripped) <= max_length:
        raise InvalidArgument(field, f"must be {min_length} to {max_length} characters long, not {len(stripped)}")
    if not stripped.isprintable():
        _check_characters(field, stripped, "\r\n\t" if line_breaks else "")
    return stripped


def _check_characters(field: str, value: str, allowed: str) -> None:
    categories = {unicodedata.category(character) for character in value if character not in allowed}
    if categories & {"Cc", "Cs"}:
        raise InvalidArgument(field, "must not contain control characters")
    if categories <= INVISIBLE:
        raise InvalidArgument(field, "must contain a visible character")


def max_entries(field: str, count: int, limit: int) -> None:
    if count > limit:
        raise InvalidArgument(field, f"must have at most {limit} entries, not {count}")
