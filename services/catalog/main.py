"""Runs a dataset: the whole program behind services.book, services.imdb and services.anime."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from seen.v1 import catalog_pb2_grpc
from services.catalog import connection
from services.catalog.adapter import Adapter
from services.catalog.servicer import CatalogServicer
from services.catalog.settings import CatalogSettings
from services.common import server
from services.common.server import GrpcService


@asynccontextmanager
async def service(adapter: Adapter, settings: CatalogSettings) -> AsyncIterator[GrpcService]:
    """The dataset's service, which makes its indexes as soon as its shards are there."""
    async with connection.connect(adapter.name, settings.uris(), settings.mongo_database) as store:
        indexing = asyncio.create_task(store.make_indexes())
        try:
            yield GrpcService(
                settings,
                "seen.v1.Catalog",
                catalog_pb2_grpc.add_CatalogServicer_to_server,
                CatalogServicer(adapter.type, store),
                store.ping,
            )
        finally:
            indexing.cancel()
            await asyncio.gather(indexing, return_exceptions=True)


def run(adapter: Adapter) -> None:
    settings = CatalogSettings.load()
    server.run(adapter.name, settings, lambda: service(adapter, settings))
