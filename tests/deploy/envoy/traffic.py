"""Translates VirtualService and DestinationRule into Envoy's routes and clusters, with Istio's defaults."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Object = dict[str, Any]
# Maps a route's destination to the name of its Envoy cluster.
Naming = Callable[[Mapping[str, Any]], str]

PREVIOUS_HOSTS = "envoy.retry_host_predicates.previous_hosts"
PREVIOUS_HOSTS_TYPE = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
# Istio's retries for a route without `retries`; they include writes.
DEFAULT_RETRIES: Object = {
    "num_retries": 2,
    "retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
    "retriable_status_codes": [503],
    # At another pod, if there is one.
    "retry_host_predicate": [{"name": PREVIOUS_HOSTS, "typed_config": {"@type": PREVIOUS_HOSTS_TYPE}}],
    "host_selection_retry_max_attempts": 5,
}
HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def virtual_host(services: Sequence[Object], cluster: Naming, redirect: bool = False) -> Object:
    """Joins the services of one host, rules for every path last. `redirect` is Gateway's httpsRedirect."""
    hosts: Sequence[str] = services[0]["spec"]["hosts"]
    entries = sorted(
        (entry for service in services for entry in service["spec"]["http"]), key=lambda entry: "match" not in entry
    )
    return {
        "name": services[0]["metadata"]["name"],
        "domains": [*hosts, *(f"{host}:*" for host in hosts)],
        "routes": [route for entry in entries for route in _routes(entry, cluster)],
        "require_tls": "ALL" if redirect else "NONE",
    }


def _routes(entry: Object, cluster: Naming) -> Iterable[Object]:
    if unknown := entry.keys() - {"match", "route", "retries", "timeout"}:
        raise ValueError(f"not supported: {unknown}")
    routes = [route for route in entry["route"] if route.get("weight") != 0]
    weighted = [{"name": cluster(route["destination"]), "weight": route.get("weight", 1)} for route in routes]
    action = {
        "weighted_clusters": {"clusters": weighted},
        "timeout": entry.get("timeout", "0s"),
        # The caller's deadline in grpc-timeout is not changed.
        "max_stream_duration": {"grpc_timeout_header_max": entry.get("timeout", "0s")},
        **_retries(entry.get("retries")),
    }
    for match in entry.get("match", [{}]):
        if match.keys() - {"uri"}:
            raise ValueError(f"not supported: {match}")
        uri = match.get("uri", {"prefix": "/"})
        path = {"exact": "path", "prefix": "prefix"}
        yield {"match": {path[kind]: value for kind, value in uri.items()}, "route": action}


def _retries(retries: Object | None) -> Object:
    if retries is None:
        return {"retry_policy": DEFAULT_RETRIES}
    if retries["attempts"] == 0:
        return {}
    policy = {**DEFAULT_RETRIES, "num_retries": retries["attempts"]}
    if "retryOn" in retries:
        conditions = retries["retryOn"].split(",")
        policy["retry_on"] = ",".join(condition for condition in conditions if not condition.isdecimal())
        policy["retriable_status_codes"] = [int(condition) for condition in conditions if condition.isdecimal()]
    return {"retry_policy": policy}


def cluster(name: str, rule: Object, endpoints: Sequence[tuple[str, int]], http2: bool, tls: Object) -> Object:
    """The Envoy cluster of a service's pods, for one caller."""
    policy = rule["spec"]["trafficPolicy"]
    pool = policy["connectionPool"]
    return {
        **static(name, endpoints, http2, pool["http"]["idleTimeout"]),
        **_balancing(policy["loadBalancer"]),
        "connect_timeout": pool["tcp"]["connectTimeout"],
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_requests": pool["http"]["http2MaxRequests"],
                    "max_pending_requests": pool["http"]["http1MaxPendingRequests"],
                }
            ]
        },
        "outlier_detection": _outliers(policy["outlierDetection"]),
        # Istio's default: never send calls to ejected pods.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "transport_socket": tls,
    }


def static(name: str, endpoints: Iterable[tuple[str, int]], http2: bool, idle_timeout: str = "3600s") -> Object:
    """A cluster with fixed addresses and without policies."""
    protocol: Object = {"http2_protocol_options": {}} if http2 else {"http_protocol_options": {}}
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(*endpoint)}} for endpoint in endpoints]}],
        },
        "typed_extension_protocol_options": {
            f"{HTTP}": {
                "@type": f"type.googleapis.com/{HTTP}",
                "explicit_http_config": protocol,
                "common_http_protocol_options": {"idle_timeout": idle_timeout},
            }
        },
    }


def address(host: str, port: int) -> Object:
    return {"socket_address": {"address": host, "port_value": port}}


def _balancing(load_balancer: Object) -> Object:
    warmup = load_balancer["warmup"]
    if load_balancer["simple"] != "LEAST_REQUEST" or warmup.keys() - {"duration", "minimumPercent"}:
        raise ValueError(f"not supported: {load_balancer}")
    return {
        "lb_policy": "LEAST_REQUEST",
        "least_request_lb_config": {
            "slow_start_config": {
                "slow_start_window": warmup["duration"],
                "min_weight_percent": {"value": warmup["minimumPercent"]},
            }
        },
    }


# By Istio's name: Envoy's threshold, and Envoy's switch, which is off for a threshold of 0.
_COUNTED = {
    "consecutive5xxErrors": ("consecutive_5xx", "enforcing_consecutive_5xx"),
    "consecutiveGatewayErrors": ("consecutive_gateway_failure", "enforcing_consecutive_gateway_failure"),
    "consecutiveLocalOriginFailures": (
        "consecutive_local_origin_failure",
        "enforcing_consecutive_local_origin_failure",
    ),
}
_SAME = {
    "splitExternalLocalOriginErrors": "split_external_local_origin_errors",
    "interval": "interval",
    "baseEjectionTime": "base_ejection_time",
    "maxEjectionPercent": "max_ejection_percent",
}


def _outliers(policy: Mapping[str, Any]) -> Object:
    detection: Object = {"enforcing_success_rate": 0, "enforcing_local_origin_success_rate": 0}
    for field, value in policy.items():
        if field in _COUNTED:
            number, switch = _COUNTED[field]
            detection |= {switch: 100 if value else 0} | ({number: value} if value else {})
        else:
            detection[_SAME[field]] = value
    return detection
