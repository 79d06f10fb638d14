"""Builds a dataset's service: the program behind services.book, services.imdb and services.anime."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from seen.v1 import catalog_pb2, catalog_pb2_grpc
from services.catalog import connection
from services.catalog.adapter import Adapter
from services.catalog.servicer import CatalogServicer
from services.catalog.settings import CatalogSettings
from services.common import process
from services.common.server import GrpcServer


@asynccontextmanager
async def build(adapter: Adapter, settings: CatalogSettings) -> AsyncIterator[GrpcServer]:
    """Indexes are made in the background, as soon as the shards answer."""
    async with connection.connect(adapter.name, settings.uris(), settings.mongo_database) as store:
        indexing = asyncio.create_task(store.make_indexes())
        try:
            yield GrpcServer(
                settings,
                catalog_pb2.DESCRIPTOR.services_by_name["Catalog"],
                catalog_pb2_grpc.add_CatalogServicer_to_server,
                CatalogServicer(adapter.type, store),
                store.ping,
            )
        finally:
            indexing.cancel()
            await asyncio.gather(indexing, return_exceptions=True)


def run(adapter: Adapter) -> None:
    process.run(adapter.name, CatalogSettings.from_env(), partial(build, adapter))
