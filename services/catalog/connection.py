"""From the addresses of MongoDB servers to a store."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from services.catalog.answers import FIND_SERVER_WITHIN_S
from services.catalog.documents import Document
from services.catalog.ids import CHARACTERS
from services.catalog.shard import Shard
from services.catalog.store import Store

# The hosts of one URI are separated by commas as well.
_BETWEEN_URIS = re.compile(r",\s*(?=mongodb(?:\+srv)?://)")
_RESOLVED_LATER = "mongodb+srv://"


def split_uris(text: str) -> list[str]:
    """The URIs, shard 1 first; raises ValueError without repeating them, for they may hold a password."""
    uris = [uri.strip() for uri in _BETWEEN_URIS.split(text.strip())]
    for number, uri in enumerate(uris, start=1):
        if not uri.startswith(("mongodb://", _RESOLVED_LATER)):
            raise ValueError(f"entry {number} is no mongodb:// URI")
        try:
            if not uri.startswith(_RESOLVED_LATER):
                parse_uri(uri)
        except (PyMongoError, ValueError):
            raise ValueError(f"entry {number} is not a well-formed mongodb:// URI") from None
    if len(uris) > len(CHARACTERS):
        raise ValueError(f"at most {len(CHARACTERS)} shards")
    return uris


@asynccontextmanager
async def connect(name: str, uris: Sequence[str], database: str) -> AsyncIterator[Store]:
    """A store of this dataset. Returns at once, whether the servers are there or not."""
    async with AsyncExitStack() as stack:
        shards = []
        for number, uri in enumerate(uris, start=1):
            client: AsyncMongoClient[Document] = AsyncMongoClient(
                uri,
                # A read is retried by who asks for it, when it is told that the shard does not answer.
                retryReads=False,
                retryWrites=False,
                # For what the driver does by itself, such as saying goodbye.
                serverSelectionTimeoutMS=int(FIND_SERVER_WITHIN_S * 1000),
                appname=f"seen-{name}",
            )
            stack.push_async_callback(client.close)
            label = f"the {name} dataset" + (f"'s shard {number}" if len(uris) > 1 else "")
            shard = Shard(client, database, name, number, label)
            stack.push_async_callback(shard.close)
            shards.append(shard)
        yield Store(name, shards)
