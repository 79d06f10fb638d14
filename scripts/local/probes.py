"""Health probes, one function per kind of process. Each returns None if healthy, otherwise a short description.

gRPC and PyMongo are imported on first use, to keep the start of the suite short.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable

Probe = Callable[[], Awaitable[str | None]]
TIMEOUT_S = 1.5
NO_ANSWER = "does not answer"
# gRPC would otherwise use an HTTP proxy from the environment, even for loopback.
NO_PROXY = (("grpc.enable_http_proxy", 0),)


async def grpc(address: str) -> str | None:
    """The standard health service, which follows the service's own checks of its dependencies."""
    from grpc import aio
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    # A new channel each time, because a channel waits longer before each attempt to reconnect.
    async with aio.insecure_channel(address, options=NO_PROXY) as channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
        except aio.AioRpcError:
            return NO_ANSWER
    return None if answer.status == health_pb2.HealthCheckResponse.SERVING else "cannot reach its dependencies"


async def http(host: str, port: int, path: str) -> str | None:
    """A health check over HTTP; status 200 is healthy."""
    try:
        status, _ = await _get(host, port, path)
    except (OSError, TimeoutError, ValueError, IndexError):
        return NO_ANSWER
    return None if status == 200 else f"answers {status} to {path}"


async def mongo(host: str, port: int) -> str | None:
    """MongoDB's ping command."""
    from pymongo import AsyncMongoClient
    from pymongo.errors import PyMongoError

    timeout_ms = int(TIMEOUT_S * 1000)
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(
        host, port, directConnection=True, serverSelectionTimeoutMS=timeout_ms, socketTimeoutMS=timeout_ms
    )
    async with client:
        try:
            await client.admin.command("ping")
        except PyMongoError:
            return NO_ANSWER
    return None


async def connections(host: str, gateway_port: int) -> str | None:
    """Whether the services reach one another. They reconnect at intervals, so this may take longer than their start."""
    try:
        _, page = await _get(host, gateway_port, "/lib/1?size=1")
        missing = json.loads(page)["missing"]
        account_status, _ = await _get(host, gateway_port, "/user/search/a")
    except (OSError, TimeoutError, ValueError, LookupError):
        return "the gateway does not reach the library"
    if missing:
        return f"the library does not reach {', '.join(missing)}"
    return None if account_status == 200 else "the gateway does not reach the account service"


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
