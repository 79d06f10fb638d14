"""The MongoDB driver: a setting with several URIs, and calls that end before the request's deadline."""

import functools
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, ParamSpec, TypeVar

import pymongo
from pymongo import AsyncMongoClient
from pymongo.errors import ConnectionFailure, PyMongoError, ServerSelectionTimeoutError
from pymongo.uri_parser import parse_uri

from services.catalog.store.documents import Document
from services.catalog.store.ids import SHARD_CHARACTERS
from services.common import deadline
from services.common.errors import DeadlineExceeded, Unavailable
from services.common.tasks import shielded

# Short enough that a request reports the shard that does not answer, before its own deadline expires.
SERVER_SELECTION_S = 0.7

# A comma also separates the hosts of one URI.
_URI_SEPARATOR = re.compile(r",\s*(?=mongodb(?:\+srv)?://)")
_SRV = "mongodb+srv://"  # resolved through DNS when the client connects

P = ParamSpec("P")
T = TypeVar("T")


def uncancelled(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """If the caller is cancelled, the function runs on in the background, until the request's deadline at the latest.

    A call that is cancelled twice, such as by the client and by a timeout, can leave a lock of pymongo's pool locked
    for ever: pymongo 4.20 waits for a connection with asyncio.wait_for(Condition.wait()), and on Python 3.11 wait_for
    runs it as a task, which can acquire the lock after its caller has gone.
    """

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return await shielded(function(*args, **kwargs))

    return run


def split_uris(text: str) -> list[str]:
    """The URIs, shard 1 first. The message of a ValueError contains no URI, because a URI may contain a password."""
    uris = [uri.strip() for uri in _URI_SEPARATOR.split(text.strip())]
    for number, uri in enumerate(uris, start=1):
        if not uri.startswith(("mongodb://", _SRV)):
            raise ValueError(f"entry {number} is not a mongodb:// URI")
        try:
            if not uri.startswith(_SRV):
                parse_uri(uri)
        except (PyMongoError, ValueError):
            raise ValueError(f"entry {number} is not a well-formed mongodb:// URI") from None
    if len(uris) > len(SHARD_CHARACTERS):
        raise ValueError(f"must name at most {len(SHARD_CHARACTERS)} shards")
    return uris


@asynccontextmanager
async def within_deadline(client: AsyncMongoClient[Document], shard: str) -> AsyncIterator[None]:
    """Calls made in this context end before the request's deadline. Raises Unavailable or DeadlineExceeded.

    The driver sends the remaining time to the server, which then aborts the operation too. If the server is down, the
    driver would spend all that time on finding it; the ping fails sooner.
    """
    try:
        with pymongo.timeout(deadline.for_next_hop()):
            if not client.topology_description.has_writable_server():
                with pymongo.timeout(client.options.server_selection_timeout):
                    await client.admin.command("ping")
            yield
    except PyMongoError as error:
        if error.timeout and not isinstance(error, ServerSelectionTimeoutError):
            raise DeadlineExceeded(f"{shard} takes too long to answer") from error
        if isinstance(error, ConnectionFailure):  # ServerSelectionTimeoutError is one
            raise Unavailable(f"{shard} does not answer") from error
        raise
