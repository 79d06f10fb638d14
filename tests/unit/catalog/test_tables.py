"""Parsing CSV and TSV files."""

import io

import pytest

from services.catalog.adapter import Format, Row
from services.catalog.item import Skipped
from services.catalog.loader import tables


def read(content: bytes, form: Format) -> list[Row | Skipped]:
    newline = "" if form is Format.CSV else "\n"
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", errors="surrogateescape", newline=newline)
    return list(tables.read_rows(text, form, tables.read_header(text, form)))


@pytest.mark.parametrize("line_break", [b"\n", b"\r\n"])
@pytest.mark.parametrize("form", Format)
def test_both_line_breaks_end_a_row(form: Format, line_break: bytes) -> None:
    content = b"a|b\n1|2\n3|4\n".replace(b"\n", line_break)
    content = content.replace(b"|", b"," if form is Format.CSV else b"\t")
    assert read(content, form) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_a_byte_order_mark_is_ignored() -> None:
    assert read(b"\xef\xbb\xbfa\tb\n1\t2\n", Format.TSV) == [{"a": "1", "b": "2"}]


def test_quotes_have_no_meaning_in_tsv() -> None:
    assert read(b'a\tb\n"1\t2\n"3"\t4\n', Format.TSV) == [{"a": '"1', "b": "2"}, {"a": '"3"', "b": "4"}]


def test_a_quoted_csv_cell_may_contain_commas_line_breaks_and_quotes() -> None:
    content = b'a,b\r\n"one\r\ntwo\rthree\nfour, ""five""",6\r\n'
    assert read(content, Format.CSV) == [{"a": 'one\r\ntwo\rthree\nfour, "five"', "b": "6"}]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"a\tb\n1\t2\n3\t4", Format.TSV),
        (b"a\tb\n1\t2\n3", Format.TSV),
        (b"a,b\n1,2\n3,4", Format.CSV),
        (b'a,b\n1,2\n3,"4\n5', Format.CSV),
    ],
)
def test_a_last_line_without_a_line_break_is_skipped(content: bytes, form: Format) -> None:
    assert read(content, form) == [{"a": "1", "b": "2"}, tables.INCOMPLETE]


@pytest.mark.parametrize("form", Format)
def test_a_row_of_the_wrong_width_is_skipped_and_an_empty_line_ignored(form: Format) -> None:
    content = b"a|b\n1|2|3\n\n1\n1|2\n\n".replace(b"|", b"," if form is Format.CSV else b"\t")
    assert read(content, form) == [tables.WRONG_WIDTH, tables.WRONG_WIDTH, {"a": "1", "b": "2"}]


@pytest.mark.parametrize("form", Format)
def test_only_the_row_that_is_not_utf8_is_skipped(form: Format) -> None:
    content = b"a|b\n\xe91|2\n\xc3\xa91|2\n".replace(b"|", b"," if form is Format.CSV else b"\t")
    assert read(content, form) == [tables.NOT_UTF8, {"a": "é1", "b": "2"}]


def test_an_unclosed_quote_loses_a_bounded_part_of_the_file() -> None:
    content = b'a,b\n"1,2\n' + b"3,4\n" * 400_000
    result = read(content, Format.CSV)
    assert result[0] == tables.TOO_LONG
    assert result[-1] == {"a": "3", "b": "4"}
    assert result.count(tables.TOO_LONG) == 1


def test_a_huge_line_is_skipped_once() -> None:
    content = b"a\tb\n" + b"x" * 3_500_000 + b"\n1\t2\n"
    assert read(content, Format.TSV) == [tables.TOO_LONG, {"a": "1", "b": "2"}]


def test_a_binary_file_has_no_known_columns() -> None:
    noise = io.TextIOWrapper(
        io.BytesIO(bytes(range(256)) * 1000), encoding="utf-8", errors="surrogateescape", newline=""
    )
    assert "book_title" not in tables.read_header(noise, Format.CSV)
