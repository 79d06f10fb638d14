"""Checks of values that come from outside. Each raises InvalidArgument with the field's name."""

import unicodedata

from services.common.errors import InvalidArgument

# Formatting and spaces. https://www.unicode.org/reports/tr44/#General_Category_Values
INVISIBLE = frozenset({"Cf", "Zs", "Zl", "Zp"})


def integer(field: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise InvalidArgument(field, f"must be {low} to {high}, not {value}")
    return value


def text(field: str, value: str, longest: int, *, shortest: int = 1, line_breaks: bool = False) -> str:
    """The text in Unicode's composed form (NFC), its ends stripped; counts characters. Refuses control characters, and
    what only looks like an empty text."""
    if len(value) > longest * 4:  # before any work on it: a megabyte costs nothing
        raise InvalidArgument(field, f"must be at most {longest} characters long")
    stripped = unicodedata.normalize("NFC", value.strip())
    if not shortest <= len(stripped) <= longest:
        raise InvalidArgument(field, f"must be {shortest} to {longest} characters long, not {len(stripped)}")
    if not stripped.isprintable():
        _check_characters(field, stripped, "\r\n\t" if line_breaks else "")
    return stripped


def _check_characters(field: str, value: str, allowed: str) -> None:
    categories = {unicodedata.category(character) for character in value if character not in allowed}
    if categories & {"Cc", "Cs"}:
        raise InvalidArgument(field, "must not hold control characters")
    if categories <= INVISIBLE:
        raise InvalidArgument(field, "must hold something that can be seen")


def at_most(field: str, length: int, most: int) -> None:
    if length > most:
        raise InvalidArgument(field, f"must hold at most {most} entries, not {length}")
