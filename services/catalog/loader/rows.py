"""Parses the text of a table into rows. A line that is not a row becomes Skipped, with the reason."""

import csv
import io
from collections.abc import Iterator

from services.catalog.adapter import Format, Row
from services.catalog.item import Skipped

# The longest cell in practice has 12,000 characters. A longer line has an unclosed quote, or the file is not text.
MAX_CHARACTERS = 1_000_000

INCOMPLETE = Skipped("incomplete last line: it does not end with a line break")
NOT_UTF8 = Skipped("not UTF-8")
WRONG_WIDTH = Skipped("wrong number of columns")
TOO_LONG = Skipped(f"longer than {MAX_CHARACTERS:,} characters")


def header(text: io.TextIOWrapper, form: Format) -> list[str]:
    """The names of the columns; empty if there are none."""
    line = text.readline(MAX_CHARACTERS)
    if form is Format.TSV:
        return _cells(line)
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def rows(text: io.TextIOWrapper, form: Format, columns: list[str]) -> Iterator[Row | Skipped]:
    """The rows below the header, without empty lines."""
    lines = _Lines(text)
    for cells in _csv(lines) if form is Format.CSV else _tsv(lines):
        if isinstance(cells, Skipped):
            yield cells
        elif lines.incomplete:
            yield INCOMPLETE
        elif len(cells) != len(columns):
            if cells and cells != [""]:
                yield WRONG_WIDTH
        elif not _is_utf8(cells):
            yield NOT_UTF8
        else:
            yield dict(zip(columns, cells, strict=True))


class _Lines:
    """Iterates over the lines in pieces of at most MAX_CHARACTERS, so that no file can exhaust memory."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.incomplete = False  # whether the current piece ends without a line break

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(MAX_CHARACTERS):
            self.incomplete = not line.endswith(("\n", "\r"))
            yield line


def _tsv(lines: _Lines) -> Iterator[list[str] | Skipped]:
    too_long = False
    for line in lines:
        continues = len(line) == MAX_CHARACTERS and lines.incomplete
        if continues and not too_long:
            yield TOO_LONG
        elif not too_long:
            yield _cells(line)
        too_long = continues


def _csv(lines: _Lines) -> Iterator[list[str] | Skipped]:
    csv.field_size_limit(MAX_CHARACTERS)
    reader = csv.reader(lines)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:  # the reader resumes with the next line
            yield TOO_LONG


def _cells(line: str) -> list[str]:
    return line.removesuffix("\n").removesuffix("\r").split("\t")


def _is_utf8(cells: list[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True
