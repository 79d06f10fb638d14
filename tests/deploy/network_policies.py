"""Evaluates NetworkPolicies: a connection needs permission at both ends, and a pod that no policy selects is open."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.deploy.render import Object
from tests.deploy.workloads import Cluster, selects

NAMESPACE = "seen"


@dataclass(frozen=True)
class Endpoint:
    """A pod that opens or accepts connections."""

    name: str
    namespace: str
    labels: Mapping[str, str] = field(hash=False)
    ports: Mapping[str, int] = field(hash=False, default_factory=dict)

    @property
    def is_restricted(self) -> bool:
        """Whether the evaluated policies, which are those of the namespace `seen`, can apply to it."""
        return self.namespace == NAMESPACE


@dataclass(frozen=True)
class Connection:
    caller: str
    callee: str
    port: int

    def __str__(self) -> str:
        return f"{self.caller} → {self.callee}:{self.port}"


def endpoints(cluster: Cluster) -> list[Endpoint]:
    return [Endpoint(workload.name, NAMESPACE, workload.labels, workload.ports) for workload in cluster.workloads]


def allowed(
    cluster: Cluster,
    callers: Sequence[Endpoint],
    callees: Sequence[Endpoint],
    sides: Sequence[str] = ("egress", "ingress"),
) -> set[Connection]:
    """The allowed connections to the callees' ports. `sides` can restrict the check to one end."""
    policies = cluster.of_kind("NetworkPolicy")
    return {
        Connection(caller.name, callee.name, port)
        for caller in callers
        for callee in callees
        for name, port in callee.ports.items()
        if caller != callee
        and ("egress" not in sides or _allows(policies, "egress", "to", caller, callee, name, port))
        and ("ingress" not in sides or _allows(policies, "ingress", "from", callee, caller, name, port))
    }


def allowed_addresses(cluster: Cluster) -> set[tuple[str, str, int]]:
    """(pod, CIDR, port) of each egress rule with an address block."""
    return {
        (endpoint.name, peer["ipBlock"]["cidr"], port["port"])
        for endpoint in endpoints(cluster)
        for rule in _rules(cluster.of_kind("NetworkPolicy"), "egress", endpoint)
        for peer in rule.get("to", ())
        if "ipBlock" in peer
        for port in rule["ports"]
    }


def _allows(
    policies: Sequence[Object], direction: str, peers: str, endpoint: Endpoint, other: Endpoint, name: str, port: int
) -> bool:
    if not endpoint.is_restricted or not any(_applies(policy, direction, endpoint) for policy in policies):
        return True
    return any(
        (not rule.get(peers) or any(_matches_peer(peer, other) for peer in rule[peers]))
        and (not rule.get("ports") or any(_matches_port(allowed_port, name, port) for allowed_port in rule["ports"]))
        for rule in _rules(policies, direction, endpoint)
    )


def _rules(policies: Sequence[Object], direction: str, endpoint: Endpoint) -> Iterator[Mapping[str, Any]]:
    for policy in policies:
        if _applies(policy, direction, endpoint):
            yield from policy["spec"].get(direction, ())


def _applies(policy: Object, direction: str, endpoint: Endpoint) -> bool:
    spec = policy["spec"]
    return direction.capitalize() in spec["policyTypes"] and selects(spec["podSelector"], endpoint.labels)


def _matches_peer(peer: Mapping[str, Any], other: Endpoint) -> bool:
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace}):
            return False
    elif other.namespace != NAMESPACE:
        return False
    return selects(peer.get("podSelector", {}), other.labels)


def _matches_port(rule: Mapping[str, Any], name: str, port: int) -> bool:
    """`name` is the name of the callee's port."""
    first = rule["port"]
    return bool(first == name if isinstance(first, str) else first <= port <= rule.get("endPort", first))
