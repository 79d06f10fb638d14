"""Builds the library service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from seen.v1 import library_pb2, library_pb2_grpc
from seen.v1.types_pb2 import ItemType
from services.common.server import GrpcServer
from services.library import clients, metrics
from services.library.servicer import LibraryServicer
from services.library.settings import LibrarySettings


@asynccontextmanager
async def build(settings: LibrarySettings) -> AsyncIterator[GrpcServer]:
    metrics.create_series(map(ItemType.Name, settings.catalog_addresses))
    async with clients.connect(settings.catalog_addresses, settings.account_address) as (datasets, accounts):
        yield GrpcServer(
            settings,
            library_pb2.DESCRIPTOR.services_by_name["Library"],
            library_pb2_grpc.add_LibraryServicer_to_server,
            LibraryServicer(datasets, accounts),
            datasets.ping,
        )
