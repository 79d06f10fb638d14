"""NetworkPolicies allow the connections that the services' settings name, and no others."""

import pytest

from tests.deploy import render
from tests.deploy.network_policies import Connection, Endpoint, allowed, allowed_addresses, endpoints
from tests.deploy.workloads import Cluster, overlay

INGRESS = Endpoint("ingress", "istio-ingress", {"istio": "ingressgateway"})
PROMETHEUS = Endpoint("prometheus", "monitoring", {"app.kubernetes.io/name": "prometheus"})
ISTIOD = Endpoint(
    "istiod", "istio-system", {"app": "istiod"}, {"certificates": 15012, "metrics": 15014, "webhook": 15017}
)
STRANGERS = [
    Endpoint("stranger", "default", {}),
    Endpoint("stranger in istio-ingress", "istio-ingress", {}),
    Endpoint("stranger in monitoring", "monitoring", {}),
    Endpoint("stranger in seen", "seen", {}),
]
DNS = {("169.254.20.10/32", 53)}
ANYWHERE = "0.0.0.0/0"
# Cloud Storage and Dataproc, and the two addresses of a node's metadata server.
GOOGLE = {(ANYWHERE, 443), ("169.254.169.252/32", 988), ("169.254.169.254/32", 80)}
HTTPS = {(ANYWHERE, 443)}


def test_needed_connections_are_allowed(cluster: Cluster) -> None:
    missing = _needed(cluster) - allowed(cluster, endpoints(cluster), endpoints(cluster))
    assert sorted(map(str, missing)) == []


def test_pods_accept_only_needed_connections(cluster: Cluster) -> None:
    accepted = allowed(cluster, endpoints(cluster), endpoints(cluster), sides=["ingress"])
    assert sorted(map(str, accepted - _needed(cluster))) == []


def test_pods_open_only_needed_connections(cluster: Cluster) -> None:
    """Ignores ports, because the library may connect to any port of a dataset; the dataset's policy restricts it."""
    opened = allowed(cluster, endpoints(cluster), endpoints(cluster), sides=["egress"])
    needed = {(connection.caller, connection.callee) for connection in _needed(cluster)}
    assert sorted({(connection.caller, connection.callee) for connection in opened} - needed) == []


def _needed(cluster: Cluster) -> set[Connection]:
    return {Connection(*call) for call in cluster.needed_calls()} | _to_databases(cluster)


def _to_databases(cluster: Cluster) -> set[Connection]:
    """From the workloads with a database's Secret to the database servers in the cluster."""
    connections = set()
    for workload in cluster.workloads:
        for variable, kind in (("SEEN_MONGO_URIS", "mongo-"), ("SEEN_DATABASE_URL", "mysql")):
            # The Secret mongo-imdb belongs to the servers mongo-imdb-1 and mongo-imdb-2.
            secret = workload.environment.get(variable, "").split("/")[0]
            for server in cluster.workloads:
                if not secret or server.kind != "StatefulSet" or not server.name.startswith(kind):
                    continue
                if kind == "mysql" or server.name.startswith(secret):
                    connections.add(Connection(workload.name, server.name, server.ports["database"]))
    return connections


def test_the_ingress_reaches_only_the_gateway_and_prometheus_only_metrics(cluster: Cluster) -> None:
    pods = endpoints(cluster)
    assert allowed(cluster, [INGRESS], pods) == {Connection("ingress", "gateway", 8080)}
    assert allowed(cluster, [PROMETHEUS], pods) == {
        Connection("prometheus", workload.name, workload.ports["http-metrics"]) for workload in cluster.deployments
    }


def test_other_pods_reach_nothing(cluster: Cluster) -> None:
    assert allowed(cluster, STRANGERS, endpoints(cluster)) == set()


def test_a_pod_without_a_policy_reaches_nothing(cluster: Cluster) -> None:
    pod = Endpoint("pod", "seen", {})
    assert allowed(cluster, [pod], [*endpoints(cluster), ISTIOD]) == set()


def test_pods_in_the_mesh_reach_only_the_certificate_port_of_istiod(cluster: Cluster) -> None:
    expected = {Connection(workload.name, "istiod", 15012) for workload in cluster.deployments}
    assert allowed(cluster, endpoints(cluster), [ISTIOD]) == expected


@pytest.mark.parametrize("name", render.OVERLAYS)
def test_only_listed_pods_reach_addresses_outside_the_cluster(name: str) -> None:
    datasets = overlay(name).datasets
    expected = {"gateway": HTTPS} | {f"loader-{dataset}": GOOGLE for dataset in datasets}  # HTTPS: Auth0
    if name == "gke":  # external databases, and Dataproc
        expected |= {pod: {(ANYWHERE, 3306)} for pod in ("account", "account-migrate")}
        expected |= {dataset: {(ANYWHERE, 27017)} for dataset in datasets} | {"spark-connector": GOOGLE}
        expected |= {f"loader-{dataset}": {(ANYWHERE, 27017)} | GOOGLE for dataset in datasets}
    assert _addresses_outside(overlay(name)) == expected


def _addresses_outside(cluster: Cluster) -> dict[str, set[tuple[str, int]]]:
    """The addresses that each pod may reach, except DNS."""
    addresses: dict[str, set[tuple[str, int]]] = {}
    for caller, cidr, port in allowed_addresses(cluster):
        if (cidr, port) not in DNS:
            addresses.setdefault(caller, set()).add((cidr, port))
    return addresses


def test_every_pod_may_use_dns(cluster: Cluster) -> None:
    resolving = {name for name, cidr, port in allowed_addresses(cluster) if (cidr, port) in DNS}
    assert resolving == {workload.name for workload in cluster.workloads}


def test_rules_for_all_addresses_exclude_the_metadata_server(cluster: Cluster) -> None:
    faults = [
        f"{policy['metadata']['name']}: {peer['ipBlock']}"
        for policy in cluster.of_kind("NetworkPolicy")
        for rule in policy["spec"].get("egress", ())
        for peer in rule.get("to", ())
        if peer.get("ipBlock", {}).get("cidr") == ANYWHERE and "169.254.0.0/16" not in peer["ipBlock"]["except"]
    ]
    assert faults == []
