"""The gateway as a process: start and shutdown."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.integration.gateway.conftest import until
from tests.integration.gateway.fakes import BOOK_ID, Fakes
from tests.integration.gateway.provider import AUDIENCE
from tests.ports import free_port

REQUIRED = {
    "SEEN_PUBLIC_URL": "http://localhost:8080",
    "SEEN_LIBRARY_ADDRESS": "127.0.0.1:1",
    "SEEN_ACCOUNT_ADDRESS": "127.0.0.1:1",
    "SEEN_SPARK_ADDRESS": "127.0.0.1:1",
    "SEEN_AUTH0_URL": "http://127.0.0.1:1/",
    "SEEN_AUTH0_AUDIENCE": AUDIENCE,
    "SEEN_AUTH0_CLIENT_ID": "seen-swagger-ui",
    "SEEN_METRICS_PORT": "0",
}


async def launch(**variables: str) -> Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEEN_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.gateway", env=inherited | variables, stdout=PIPE, stderr=PIPE
    )


@asynccontextmanager
async def launched(**variables: str) -> AsyncIterator[tuple[Process, httpx.AsyncClient]]:
    port = free_port()
    process = await launch(**REQUIRED | {"SEEN_PORT": str(port)} | variables)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            async with asyncio.timeout(30):
                while not await answers(client):
                    assert process.returncode is None, (await process.communicate())[1].decode()
                    await asyncio.sleep(0.05)
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def test_a_port_in_use_stops_the_process_with_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = await launch(**REQUIRED, SEEN_PORT=port)
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert errors.decode().startswith("gateway: ")
    assert port in errors.decode()
    assert len(errors.splitlines()) == 1


async def test_on_sigterm_requests_in_flight_are_answered_and_new_ones_refused() -> None:
    fakes = Fakes()
    held = fakes.library.hold("GetItem")
    backend, backend_port = await fakes.serve()
    variables = {"SEEN_LIBRARY_ADDRESS": f"127.0.0.1:{backend_port}", "SEEN_DRAIN_S": "1"}
    async with launched(**variables) as (process, client):
        slow = asyncio.create_task(client.get(f"/item/BOOK/{BOOK_ID}"))
        await until(lambda: bool(fakes.calls))
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            while (draining := await client.get("/readyz")).status_code == 200:
                await asyncio.sleep(0.01)
        assert (draining.status_code, draining.json()) == (503, {"status": "draining"})
        held.set()
        assert (await slow).status_code == 200
        async with asyncio.timeout(10):
            assert await process.wait() == 0
        with pytest.raises(httpx.TransportError):
            await client.get("/healthz")
    await backend.stop(None)
