"""Asking MongoDB within the request's deadline, and what its failures mean to who asked."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pymongo
from pymongo import AsyncMongoClient
from pymongo.errors import ConnectionFailure, PyMongoError, ServerSelectionTimeoutError

from services.catalog.documents import Document
from services.common import deadline
from services.common.errors import DeadlineExceeded, Unavailable

# Soon enough for a request to be answered with the shard's name rather than by its deadline.
FIND_SERVER_WITHIN_S = 0.7


@asynccontextmanager
async def in_time(client: AsyncMongoClient[Document], shard: str) -> AsyncIterator[None]:
    """Whatever is asked of the shard in here ends before the request's deadline does.

    The driver passes the time on, so that the server gives up too. It would also spend all of it on looking for a
    server that is away, so that is found out first.
    """
    with _translated(shard), pymongo.timeout(deadline.for_next_hop()):
        if not client.topology_description.has_writable_server():
            with pymongo.timeout(FIND_SERVER_WITHIN_S):
                await client.admin.command("ping")
        yield


@contextmanager
def _translated(shard: str) -> Iterator[None]:
    try:
        yield
    except ServerSelectionTimeoutError as error:
        raise Unavailable(f"{shard} does not answer") from error
    except PyMongoError as error:
        if error.timeout:
            raise DeadlineExceeded(f"{shard} takes too long") from error
        if isinstance(error, ConnectionFailure):
            raise Unavailable(f"{shard} does not answer") from error
        raise
