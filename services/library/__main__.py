"""Runs the library: python -m services.library."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from seen.v1 import library_pb2_grpc
from services.common.server import GrpcService, run
from services.library import accounts, datasets, metrics
from services.library.servicer import LibraryServicer
from services.library.settings import LibrarySettings

settings = LibrarySettings.load()


@asynccontextmanager
async def main() -> AsyncIterator[GrpcService]:
    metrics.begin(settings.catalog_addresses)
    async with (
        datasets.connect(settings.catalog_addresses) as all_datasets,
        accounts.connect(settings.account_address) as all_accounts,
    ):
        yield GrpcService(
            settings,
            "seen.v1.Library",
            library_pb2_grpc.add_LibraryServicer_to_server,
            LibraryServicer(all_datasets, all_accounts),
            all_datasets.ping,
        )


run("library", settings, main)
