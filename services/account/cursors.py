"""Cursors of lists of marks. A cursor is the last mark of a page, in URL-safe base64."""

import base64
import datetime
import re
from collections.abc import Callable
from typing import TypeVar

from services.account.domain import ExportKey, ItemRef, Mark
from services.common.errors import InvalidArgument

MAX_LENGTH = 500
_MARK = re.compile(r"(-?\d{1,18})\.(\d{1,9})\.(.{1,64})", re.DOTALL | re.ASCII)
_EXPORT_KEY = re.compile(r"(\d{1,18})\.(\d{1,9})\.(\d)\.(.{1,64})", re.DOTALL | re.ASCII)
_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)

T = TypeVar("T")


def encode(mark: Mark) -> str:
    """The cursor of the page that starts after this mark."""
    return _to_base64(f"{(mark.marked_at - _EPOCH) // _MICROSECOND}.{mark.item.type}.{mark.item.id}")


def decode(cursor: str) -> Mark | None:
    """The mark after which the page starts; None for the first page. InvalidArgument if not from `encode`."""
    return _decode(cursor, _mark, encode)


def encode_export(key: ExportKey) -> str:
    """The cursor of the export's page that starts after this mark."""
    return _to_base64(f"{key.person}.{key.type}.{key.kind}.{key.id}")


def decode_export(cursor: str) -> ExportKey | None:
    """Like `decode`, for cursors from `encode_export`."""
    return _decode(cursor, _export_key, encode_export)


def _mark(text: str) -> Mark:
    match = _match(_MARK, text)
    return Mark(ItemRef(int(match[2]), match[3]), _EPOCH + int(match[1]) * _MICROSECOND)


def _export_key(text: str) -> ExportKey:
    match = _match(_EXPORT_KEY, text)
    return ExportKey(int(match[1]), int(match[2]), match[4], int(match[3]))


def _match(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    if not (match := pattern.fullmatch(text)):
        raise ValueError
    return match


def _to_base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str, parse: Callable[[str], T], encode: Callable[[T], str]) -> T | None:
    if not cursor:
        return None
    try:
        if len(cursor) > MAX_LENGTH:
            raise ValueError
        padding = "=" * (-len(cursor) % 4)
        position = parse(base64.b64decode(cursor + padding, altchars=b"-_", validate=True).decode())
        if encode(position) != cursor:  # equal after decoding only, such as a number with leading zeros
            raise ValueError
    except (ValueError, OverflowError) as error:
        raise InvalidArgument("cursor", "not a cursor returned by this list") from error
    return position
