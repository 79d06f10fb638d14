"""What MongoDB's failures mean to who asked."""

from collections.abc import Iterator
from contextlib import contextmanager

import pymongo
from pymongo.errors import ConnectionFailure, PyMongoError, ServerSelectionTimeoutError

from services.common import deadline
from services.common.errors import DeadlineExceeded, Unavailable


@contextmanager
def in_time(shard: str) -> Iterator[None]:
    """Whatever is asked of the shard in here ends before the request's deadline does.

    The driver passes the time on, so that the server gives up too.
    """
    try:
        with pymongo.timeout(deadline.for_next_hop()):
            yield
    except ServerSelectionTimeoutError as error:
        raise Unavailable(f"{shard} does not answer") from error
    except PyMongoError as error:
        if error.timeout:
            raise DeadlineExceeded(f"{shard} takes too long") from error
        if isinstance(error, ConnectionFailure):
            raise Unavailable(f"{shard} does not answer") from error
        raise
