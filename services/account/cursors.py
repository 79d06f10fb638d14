"""Cursors of a list of marks: the last mark of a page, in URL-safe base64."""

import base64
import datetime
import re

from services.account.domain import ItemRef, Mark
from services.common.errors import InvalidArgument

MAX_LENGTH = 500
_DECODED = re.compile(r"(-?\d{1,18})\.(\d{1,9})\.(.{1,64})", re.DOTALL | re.ASCII)
_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


def encode(mark: Mark) -> str:
    """The cursor of the page that starts after this mark."""
    text = f"{(mark.marked_at - _EPOCH) // _MICROSECOND}.{mark.item.type}.{mark.item.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str) -> Mark | None:
    """The mark after which the page starts; None for the first page. InvalidArgument for any text not from `encode`."""
    if not cursor:
        return None
    try:
        return _decode(cursor)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument("cursor", "not a cursor returned by this list") from error


def _decode(cursor: str) -> Mark:
    if len(cursor) > MAX_LENGTH:
        raise ValueError
    text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    if not (match := _DECODED.fullmatch(text)):
        raise ValueError
    mark = Mark(ItemRef(int(match[2]), match[3]), _EPOCH + int(match[1]) * _MICROSECOND)
    if encode(mark) != cursor:  # an equivalent spelling, such as a number with leading zeros
        raise ValueError
    return mark
