"""Builds and runs the service of a dataset."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from seen.v1 import catalog_pb2, catalog_pb2_grpc
from services.catalog.adapter import Adapter
from services.catalog.servicer import CatalogServicer
from services.catalog.settings import CatalogSettings
from services.catalog.store.store import connect
from services.common import process
from services.common.server import GrpcServer


@asynccontextmanager
async def build(adapter: Adapter, settings: CatalogSettings) -> AsyncIterator[GrpcServer]:
    """Creates missing indexes and updates lists in the background, as soon as the shards answer."""
    async with connect(adapter.name, adapter.type, settings.uris(), settings.mongo_database) as store:
        preparing = asyncio.create_task(store.prepare())
        try:
            yield GrpcServer(
                settings,
                catalog_pb2.DESCRIPTOR.services_by_name["Catalog"],
                catalog_pb2_grpc.add_CatalogServicer_to_server,
                CatalogServicer(adapter.type, store),
                store.ping,
            )
        finally:
            preparing.cancel()
            await asyncio.gather(preparing, return_exceptions=True)


def run(adapter: Adapter) -> None:
    process.run(adapter.name, CatalogSettings.from_env(), partial(build, adapter))
