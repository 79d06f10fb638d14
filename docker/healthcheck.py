"""Docker health check: exit code 0 if the container's service is ready, else 1. Kubernetes uses its own probes."""

import http.client
import os
import sys

TIMEOUT_S = 5
HTTP_PATHS = {"gateway": "/readyz", "compact": "/readyz", "local-auth0": "/healthz"}


def http_is_ready(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    connection.request("GET", path)
    return connection.getresponse().status == http.client.OK


def grpc_is_ready(port: int) -> bool:
    """Asks the health service for the empty name, which is ready only if the service's dependencies answer."""
    # Imported here: the HTTP services do not need it, and importing it takes 0.1 s.
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        response = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
    return bool(response.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    try:
        service = os.environ["SERVICE"]
        port = int(os.environ["SEEN_GATEWAY_PORT" if service == "compact" else "SEEN_PORT"])
        path = HTTP_PATHS.get(service)
        ready = http_is_ready(port, path) if path else grpc_is_ready(port)
    except Exception as error:
        sys.exit(f"no answer: {type(error).__name__}")
    sys.exit(None if ready else "not ready")
