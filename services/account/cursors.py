"""Where a page of marks ended, as an opaque word that is safe in a URL."""

import base64
import binascii
import datetime
import re

from services.account.domain import Item, Mark
from services.common.errors import InvalidArgument

_LONGEST = 512
_PLAIN = re.compile(r"(-?\d{1,18})\.(\d{1,9})\.(.{1,64})", re.DOTALL | re.ASCII)
_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


def after(mark: Mark) -> str:
    """The cursor of the page that begins after this mark."""
    plain = f"{(mark.marked_at - _EPOCH) // _MICROSECOND}.{mark.item.type}.{mark.item.id}"
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def position(cursor: str) -> Mark | None:
    """The mark that the page begins after; None for the first page. Anything that `after` did not make is refused."""
    if not cursor:
        return None
    try:
        mark = _decoded(cursor)
    except (ValueError, OverflowError, binascii.Error) as error:
        raise InvalidArgument("cursor", "is none that this list has given") from error
    return mark


def _decoded(cursor: str) -> Mark:
    if len(cursor) > _LONGEST:
        raise ValueError
    plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    parts = _PLAIN.fullmatch(plain)
    if parts is None:
        raise ValueError
    mark = Mark(Item(int(parts[2]), parts[3]), _EPOCH + int(parts[1]) * _MICROSECOND)
    if after(mark) != cursor:  # one spelling each
        raise ValueError
    return mark
