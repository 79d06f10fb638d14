"""Whether the program of this container serves: exit code 0, else 1. Docker asks; Kubernetes has probes of its own."""

import http.client
import os
import sys

TIMEOUT_S = 5
HTTP_PATHS = {"gateway": "/readyz", "local-auth0": "/healthz"}


def serves(service: str, port: int) -> bool:
    path = HTTP_PATHS.get(service)
    return http_serves(port, path) if path else grpc_serves(port)


def http_serves(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    connection.request("GET", path)
    return connection.getresponse().status == http.client.OK


def grpc_serves(port: int) -> bool:
    """Asks for readiness, which follows what the service needs."""
    # Imported here: the images of the programs that speak HTTP have no need of it, and it takes a tenth of a second.
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    try:
        well = serves(os.environ["SERVICE"], int(os.environ["SEEN_PORT"]))
    except Exception as error:
        sys.exit(f"does not answer: {type(error).__name__}")
    sys.exit(None if well else "answers that it does not serve")
