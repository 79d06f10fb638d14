"""Metrics of every service, under the names of go-grpc-prometheus, and the HTTP server for /metrics."""

import prometheus_client

# Disable the `_created` series: they double cardinality and nothing reads them.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

# Seconds, from a primary-key look-up to a full deadline.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# `service` is the program, such as "book": three programs serve seen.v1.Catalog, and one process may run all of them.
STARTED = prometheus_client.Counter("grpc_server_started", "Calls started.", ("service", "grpc_service", "grpc_method"))
HANDLED = prometheus_client.Counter(
    "grpc_server_handled", "Calls finished, by status code.", ("service", "grpc_service", "grpc_method", "grpc_code")
)
HANDLING_SECONDS = prometheus_client.Histogram(
    "grpc_server_handling_seconds",
    "Time from a call's arrival to its answer.",
    ("service", "grpc_service", "grpc_method"),
    buckets=BUCKETS,
)
HEALTHY = prometheus_client.Gauge(
    "seen_healthy", "1 while the service reaches the dependencies it cannot work without.", ("service",)
)


def start(host: str, port: int) -> None:
    """Serves /metrics from a thread. Raises OSError if the port is taken."""
    try:
        prometheus_client.start_http_server(port, addr=host)
    except OSError as error:
        raise OSError(f"cannot serve metrics on {host}:{port}: {error.strerror}") from error
