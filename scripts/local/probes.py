"""Asks one process of the suite how it is. Each probe returns None when all is well, else what is wrong in a few words.

The libraries that speak gRPC and MongoDB are imported on first use: while the suite starts, every tenth of a second
counts.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Protocol

TIMEOUT_S = 1.5
# gRPC would ask even for this machine through a proxy that is meant for the internet.
NO_PROXY = (("grpc.enable_http_proxy", 0),)


class Probe(Protocol):
    async def ask(self) -> str | None: ...


@dataclass(frozen=True)
class GrpcProbe:
    """The standard health service, which follows the service's own ping of what it needs."""

    address: str

    async def ask(self) -> str | None:
        import grpc
        from grpc_health.v1 import health_pb2, health_pb2_grpc

        # A channel of its own each time: a kept one waits longer and longer before it tries to connect again.
        async with grpc.aio.insecure_channel(self.address, options=NO_PROXY) as channel:
            try:
                answer = await health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S
                )
            except grpc.aio.AioRpcError:
                return "does not answer"
        serving = answer.status == health_pb2.HealthCheckResponse.SERVING
        return None if serving else "cannot reach what it needs"


@dataclass(frozen=True)
class HttpProbe:
    """A health check over HTTP; 200 is well."""

    host: str
    port: int
    path: str

    async def ask(self) -> str | None:
        try:
            status, _ = await _get(self.host, self.port, self.path)
        except (OSError, TimeoutError, ValueError, IndexError):
            return "does not answer"
        return None if status == 200 else f"answers {status} to {self.path}"


@dataclass(frozen=True)
class ThroughGateway:
    """Whether the services reach one another: each looks for those that were not up yet at intervals of its own."""

    host: str
    port: int

    async def ask(self) -> str | None:
        try:
            _, page = await _get(self.host, self.port, "/lib/1?size=1")
            missing = json.loads(page)["missing"]
            of_account, _ = await _get(self.host, self.port, "/user/search/a")
        except (OSError, TimeoutError, ValueError, LookupError):
            return "the gateway does not reach the library"
        if missing:
            return f"the library does not reach {', '.join(missing)}"
        return None if of_account == 200 else "the gateway does not reach the account service"


async def _get(host: str, port: int, path: str) -> tuple[int, bytes]:
    """The status and body of an answer."""
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
        return int(head.split()[1]), body


@dataclass(frozen=True)
class MongoProbe:
    """MongoDB's own ping command."""

    host: str
    port: int

    async def ask(self) -> str | None:
        from pymongo import AsyncMongoClient
        from pymongo.errors import PyMongoError

        milliseconds = int(TIMEOUT_S * 1000)
        client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(
            self.host,
            self.port,
            directConnection=True,
            serverSelectionTimeoutMS=milliseconds,
            socketTimeoutMS=milliseconds,
        )
        async with client:
            try:
                await client.admin.command("ping")
            except PyMongoError:
                return "does not answer"
        return None
