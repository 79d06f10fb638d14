from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from services.common import clients
from tests.integration.common.servers import (
    CATALOG,
    Answer,
    ClientOf,
    Serve,
    serve_in_process,
    serve_on_port,
    server_with,
)


@pytest.fixture(params=[serve_on_port, serve_in_process], ids=["grpc", "in_process"])
def serve(request: pytest.FixtureRequest) -> Serve:
    """Runs a server and yields its address. Both kinds of addresses must behave alike."""
    serve: Serve = request.param
    return serve


@pytest.fixture
def client_of(serve: Serve) -> ClientOf:
    """Opens a channel of clients.py to a server that gives this answer."""

    @asynccontextmanager
    async def client(answer: Answer) -> AsyncIterator[grpc.aio.Channel]:
        async with serve(server_with(answer)) as address, clients.connect(address, CATALOG) as channel:
            yield channel

    return client
