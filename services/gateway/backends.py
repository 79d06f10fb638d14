"""The services behind the API, asked over gRPC."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from seen.v1 import account_pb2_grpc, library_pb2_grpc, spark_pb2_grpc
from services.common import clients
from services.gateway.settings import GatewaySettings

HEALTH_TIMEOUT_S = 0.5


class Backends:
    def __init__(self, library: grpc.aio.Channel, account: grpc.aio.Channel, spark: grpc.aio.Channel) -> None:
        self.library = library_pb2_grpc.LibraryStub(library)
        self.account = account_pb2_grpc.AccountStub(account)
        self.spark = spark_pb2_grpc.SparkStub(spark)
        self._health = {
            name: health_pb2_grpc.HealthStub(channel)
            for name, channel in {"library": library, "account": account, "spark_connector": spark}.items()
        }

    async def serving(self) -> dict[str, bool]:
        """Which of the services say that they are well."""
        answers = await asyncio.gather(*map(_serves, self._health.values()))
        return dict(zip(self._health, answers, strict=True))


async def _serves(stub: health_pb2_grpc.HealthStub) -> bool:
    try:
        response = await stub.Check(health_pb2.HealthCheckRequest(), timeout=HEALTH_TIMEOUT_S)
    except grpc.aio.AioRpcError:
        return False
    return bool(response.status == health_pb2.HealthCheckResponse.SERVING)


@asynccontextmanager
async def connect(settings: GatewaySettings) -> AsyncIterator[Backends]:
    async with AsyncExitStack() as stack:
        yield Backends(
            await stack.enter_async_context(
                clients.connect(
                    settings.library_address,
                    "seen.v1.Library",
                    ("ListItems", "GetItem", "ListMarkedItems", "GetTopTen", "Suggest"),
                )
            ),
            await stack.enter_async_context(
                clients.connect(settings.account_address, "seen.v1.Account", ("GetUser", "SearchUsers"))
            ),
            await stack.enter_async_context(
                clients.connect(settings.spark_address, "seen.v1.Spark", ("GetBestDirector", "GetMostConnected"))
            ),
        )
