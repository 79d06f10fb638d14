"""NetworkPolicies: open is what the picture in DESIGN.md shows, as the services' settings draw it, and nothing else."""

import re

from tests.deploy.network_policies import Edge, End, edges, ends, outside
from tests.deploy.workloads import Cluster, overlay

INGRESS = End("ingress", "istio-ingress", {"istio": "ingressgateway"})
PROMETHEUS = End("prometheus", "monitoring", {"app.kubernetes.io/name": "prometheus"})
ISTIOD = End("istiod", "istio-system", {"app": "istiod"}, {"certificates": 15012, "metrics": 15014, "webhook": 15017})
STRANGERS = [
    End("stranger", "default", {}),
    End("stranger in istio-ingress", "istio-ingress", {}),
    End("stranger in monitoring", "monitoring", {}),
    End("stranger in seen", "seen", {}),
]
DNS = {("169.254.20.10/32", 53)}
ANYWHERE = "0.0.0.0/0"
# Cloud Storage and Dataproc, and the metadata server of a node in its two forms.
GOOGLE = {(ANYWHERE, 443), ("169.254.169.252/32", 988), ("169.254.169.254/32", 80)}
HTTPS = {(ANYWHERE, 443)}
_ADDRESS = re.compile(r"(?:^|[=,])([a-z0-9-]+):(\d+)")


def test_services_reach_the_addresses_that_they_are_given_and_their_databases(cluster: Cluster) -> None:
    missing = _drawn(cluster) - edges(cluster, ends(cluster), ends(cluster))
    assert sorted(map(str, missing)) == [], "NetworkPolicies forbid what somebody needs"


def test_no_pod_takes_a_connection_that_nobody_needs(cluster: Cluster) -> None:
    taken = edges(cluster, ends(cluster), ends(cluster), sides=["ingress"])
    assert sorted(map(str, taken - _drawn(cluster))) == []


def test_no_pod_opens_a_connection_to_a_pod_that_it_does_not_need(cluster: Cluster) -> None:
    """Whatever the port: the library may ask its datasets for any, and they answer on one."""
    opened = {(one.caller, one.callee) for one in edges(cluster, ends(cluster), ends(cluster), sides=["egress"])}
    assert sorted(opened - {(one.caller, one.callee) for one in _drawn(cluster)}) == []


def _drawn(cluster: Cluster) -> set[Edge]:
    """The picture's arrows."""
    return _between_services(cluster) | _to_databases(cluster)


def _between_services(cluster: Cluster) -> set[Edge]:
    return {
        Edge(caller.name, callee, int(port))
        for caller in cluster.deployments
        for name, value in caller.environment.items()
        if re.search("_ADDRESS(ES)?$", name)
        for callee, port in _ADDRESS.findall(value)
    }


def _to_databases(cluster: Cluster) -> set[Edge]:
    """From the programs that are told of a Secret's database, to those that are in the cluster."""
    found = set()
    for one in cluster.workloads:
        for secret, kind in (("SEEN_MONGO_URIS", "mongo-"), ("SEEN_DATABASE_URL", "mysql")):
            # mongo-imdb/uris: the servers mongo-imdb-1, mongo-imdb-2
            owner = one.environment.get(secret, "").split("/")[0]
            for server in cluster.workloads:
                if not owner or server.kind != "StatefulSet" or not server.name.startswith(kind):
                    continue
                if kind == "mysql" or server.name.startswith(owner):
                    found.add(Edge(one.name, server.name, server.ports["database"]))
    return found


def test_the_ingress_reaches_the_gateway_alone_and_prometheus_the_metrics(cluster: Cluster) -> None:
    inside = ends(cluster)
    assert edges(cluster, [INGRESS], inside) == {Edge("ingress", "gateway", 8080)}
    assert edges(cluster, [PROMETHEUS], inside) == {
        Edge("prometheus", one.name, one.ports["http-metrics"]) for one in cluster.deployments
    }


def test_strangers_reach_nothing(cluster: Cluster) -> None:
    assert edges(cluster, STRANGERS, ends(cluster)) == set()


def test_a_pod_that_is_not_named_anywhere_reaches_nothing_either(cluster: Cluster) -> None:
    pod = End("pod", "seen", {})
    assert edges(cluster, [pod], [*ends(cluster), ISTIOD]) == set()


def test_what_is_in_the_mesh_fetches_its_certificate_and_nothing_else_of_istiod(cluster: Cluster) -> None:
    expected = {Edge(one.name, "istiod", 15012) for one in cluster.deployments}
    assert edges(cluster, ends(cluster), [ISTIOD]) == expected


def test_addresses_outside_are_open_to_whom_they_concern() -> None:
    expected = {
        "gateway": HTTPS,  # Auth0
        "spark-connector": GOOGLE,
        "account": {(ANYWHERE, 3306)},
        "account-migrate": {(ANYWHERE, 3306)},
    }
    assert _outside("gke") == expected | {
        name: {(ANYWHERE, 27017)} | more
        for dataset in ("book", "imdb", "anime")
        for name, more in ((dataset, set()), (f"loader-{dataset}", GOOGLE))
    }


def test_one_node_with_its_own_databases_needs_no_other() -> None:
    loads = {f"loader-{dataset}": GOOGLE for dataset in ("book", "imdb", "anime")}
    assert _outside("small") == {"gateway": HTTPS, **loads}


def _outside(name: str) -> dict[str, set[tuple[str, int]]]:
    """The addresses outside that each pod may reach, but for those where it asks for names."""
    found: dict[str, set[tuple[str, int]]] = {}
    for caller, addresses, port in outside(overlay(name)):
        if (addresses, port) not in DNS:
            found.setdefault(caller, set()).add((addresses, port))
    return found


def test_every_pod_may_ask_for_names(cluster: Cluster) -> None:
    asking = {name for name, addresses, port in outside(cluster) if (addresses, port) in DNS}
    assert asking == {one.name for one in cluster.workloads}


def test_no_way_out_leads_to_the_metadata_server_by_the_way(cluster: Cluster) -> None:
    faults = [
        f"{policy['metadata']['name']}: {peer['ipBlock']}"
        for policy in cluster.of("NetworkPolicy")
        for rule in policy["spec"].get("egress", ())
        for peer in rule.get("to", ())
        if peer.get("ipBlock", {}).get("cidr") == ANYWHERE and "169.254.0.0/16" not in peer["ipBlock"]["except"]
    ]
    assert faults == []
