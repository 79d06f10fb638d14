"""Checks of values that come from outside. Each raises InvalidArgument with the field's name."""

import unicodedata

from services.common.errors import InvalidArgument


def integer(field: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise InvalidArgument(field, f"must be {low} to {high}, not {value}")
    return value


def text(field: str, value: str, longest: int, *, shortest: int = 1, line_breaks: bool = False) -> str:
    """The text in Unicode's composed form (NFC), its ends stripped. Refuses control characters; counts characters."""
    if len(value) > longest * 4:  # before any work on it: a megabyte costs nothing
        raise InvalidArgument(field, f"must be at most {longest} characters long")
    stripped = unicodedata.normalize("NFC", value.strip())
    allowed = "\r\n\t" if line_breaks else ""
    if any(unicodedata.category(character) in ("Cc", "Cs") and character not in allowed for character in stripped):
        raise InvalidArgument(field, "must not hold control characters")
    if not shortest <= len(stripped) <= longest:
        raise InvalidArgument(field, f"must be {shortest} to {longest} characters long, not {len(stripped)}")
    return stripped


def at_most(field: str, length: int, most: int) -> None:
    if length > most:
        raise InvalidArgument(field, f"must hold at most {most} entries, not {length}")
