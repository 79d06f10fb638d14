import pytest

from tests.integration.common.servers import ClientOf, grpc_client, in_process_client


@pytest.fixture(params=[grpc_client, in_process_client], ids=["grpc", "in_process"])
def client_of(request: pytest.FixtureRequest) -> ClientOf:
    """Opens a channel of clients.py to a server with the answer. Both kinds of channels must behave alike."""
    client: ClientOf = request.param
    return client
