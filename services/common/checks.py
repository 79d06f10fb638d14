"""Checks of values from outside. Each raises InvalidArgument with the field's name."""

import unicodedata

from services.common.errors import InvalidArgument

# https://www.unicode.org/reports/tr44/#General_Category_Values
CONTROLS = frozenset({"Cc", "Cs"})  # control characters and unpaired surrogates
INVISIBLE = frozenset({"Cf", "Zs", "Zl", "Zp", *CONTROLS})  # also format characters and separators


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
        if has_control_characters(stripped, line_breaks=line_breaks):
            raise InvalidArgument(field, "must not contain control characters")
        if all(unicodedata.category(character) in INVISIBLE for character in stripped):
            raise InvalidArgument(field, "must contain a visible character")
    return stripped


def has_control_characters(value: str, *, line_breaks: bool) -> bool:
    """Whether the text contains control characters or unpaired surrogates. `line_breaks` allows \\t, \\r and \\n."""
    allowed = "\t\r\n" if line_breaks else ""
    return not value.isprintable() and any(
        unicodedata.category(character) in CONTROLS and character not in allowed for character in value
    )


def max_entries(field: str, count: int, limit: int) -> None:
    if count > limit:
        raise InvalidArgument(field, f"must have at most {limit} entries, not {count}")
