"""The gRPC services behind the API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from seen.v1 import account_pb2, account_pb2_grpc, library_pb2, library_pb2_grpc, spark_pb2, spark_pb2_grpc
from services.common import clients
from services.gateway.settings import GatewaySettings

HEALTH_TIMEOUT_S = 0.5


class Backends:
    def __init__(self, library: grpc.aio.Channel, account: grpc.aio.Channel, spark: grpc.aio.Channel) -> None:
        self.library = library_pb2_grpc.LibraryStub(library)
        self.account = account_pb2_grpc.AccountStub(account)
        self.spark = spark_pb2_grpc.SparkStub(spark)
        self._channels = {"library": library, "account": account, "spark_connector": spark}

    async def serving(self) -> dict[str, bool]:
        """Whether each service reports that it is healthy."""
        answers = await asyncio.gather(
            *(clients.is_serving(channel, HEALTH_TIMEOUT_S) for channel in self._channels.values())
        )
        return dict(zip(self._channels, answers, strict=True))


@asynccontextmanager
async def connect(settings: GatewaySettings) -> AsyncIterator[Backends]:
    async with (
        clients.connect(settings.library_address, library_pb2.DESCRIPTOR.services_by_name["Library"]) as library,
        clients.connect(settings.account_address, account_pb2.DESCRIPTOR.services_by_name["Account"]) as account,
        clients.connect(settings.spark_address, spark_pb2.DESCRIPTOR.services_by_name["Spark"]) as spark,
    ):
        yield Backends(library, account, spark)
