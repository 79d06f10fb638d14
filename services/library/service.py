"""Builds the library service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from seen.v1 import library_pb2, library_pb2_grpc
from seen.v1.types_pb2 import ItemType
from services.common.server import GrpcServer
from services.library import clients, metrics
from services.library.servicer import LibraryServicer
from services.library.settings import LibrarySettings
from services.library.suggestions.models import Models
from services.library.suggestions.suggester import Strategy


@asynccontextmanager
async def build(settings: LibrarySettings) -> AsyncIterator[GrpcServer]:
    metrics.create_series([ItemType.Name(item_type) for item_type in settings.catalog_addresses], Strategy)
    async with clients.connect(settings.catalog_addresses, settings.account_address, settings.spark_address) as (
        datasets,
        accounts,
        model_source,
    ):
        models = Models(model_source, datasets, settings.model_check_interval_s, settings.votes_interval_s)
        async with models.running():
            yield GrpcServer(
                settings,
                library_pb2.DESCRIPTOR.services_by_name["Library"],
                library_pb2_grpc.add_LibraryServicer_to_server,
                LibraryServicer(datasets, accounts, models),
                datasets.ping,
            )
