"""From the text of a table to its rows. A line that cannot be a row comes out as the reason why."""

import csv
import io
from collections.abc import Iterator

from services.catalog.adapter import Format, Row
from services.catalog.item import Skipped

# The longest real cell has 12,000 characters; beyond this a quote was never closed, or the file is no text.
MOST_CHARACTERS = 1_000_000

CUT_OFF = Skipped("the last line is cut off: it does not end in a line break")
NOT_UTF8 = Skipped("not UTF-8")
WRONG_WIDTH = Skipped("wrong number of columns")
TOO_LONG = Skipped(f"more than {MOST_CHARACTERS:,} characters without an end")


def header(text: io.TextIOWrapper, form: Format) -> list[str]:
    """The names of the columns, empty where there are none."""
    line = text.readline(MOST_CHARACTERS)
    if form is Format.TSV:
        return _cells(line)
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def rows(text: io.TextIOWrapper, form: Format, columns: list[str]) -> Iterator[Row | Skipped]:
    """What follows the header. Empty lines are nothing."""
    lines = _Lines(text)
    for cells in _csv(lines) if form is Format.CSV else _tsv(lines):
        if isinstance(cells, Skipped):
            yield cells
        elif lines.cut_off:
            yield CUT_OFF
        elif len(cells) != len(columns):
            if cells and cells != [""]:
                yield WRONG_WIDTH
        elif not _is_utf8(cells):
            yield NOT_UTF8
        else:
            yield dict(zip(columns, cells, strict=True))


class _Lines:
    """The lines of a text, each cut where it gets too long, so that memory has a bound whatever the file is."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.cut_off = False

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(MOST_CHARACTERS):
            self.cut_off = not line.endswith(("\n", "\r"))
            yield line


def _tsv(lines: _Lines) -> Iterator[list[str] | Skipped]:
    too_long = False
    for line in lines:
        goes_on = len(line) == MOST_CHARACTERS and lines.cut_off
        if goes_on and not too_long:
            yield TOO_LONG
        elif not too_long:
            yield _cells(line)
        too_long = goes_on


def _csv(lines: _Lines) -> Iterator[list[str] | Skipped]:
    csv.field_size_limit(MOST_CHARACTERS)
    reader = csv.reader(lines)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:  # the reader begins anew with the next line
            yield TOO_LONG


def _cells(line: str) -> list[str]:
    return line.removesuffix("\n").removesuffix("\r").split("\t")


def _is_utf8(cells: list[str]) -> bool:
    for cell in cells:
        if not cell.isascii():
            try:
                cell.encode()
            except UnicodeEncodeError:
                return False
    return True
