"""Which connections NetworkPolicies allow: both ends must agree, and a pod that no policy names is open."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.deploy.render import Object
from tests.deploy.workloads import Cluster, selects

NAMESPACE = "seen"


@dataclass(frozen=True)
class End:
    """A pod that opens a connection or takes one. `closed` ends are governed by the policies that are looked at."""

    name: str
    namespace: str
    labels: Mapping[str, str] = field(hash=False)
    ports: Mapping[str, int] = field(hash=False, default_factory=dict)

    @property
    def closed(self) -> bool:
        return self.namespace == NAMESPACE


@dataclass(frozen=True)
class Edge:
    caller: str
    callee: str
    port: int

    def __str__(self) -> str:
        return f"{self.caller} → {self.callee}:{self.port}"


def ends(cluster: Cluster) -> list[End]:
    return [End(one.name, NAMESPACE, one.labels, one.ports) for one in cluster.workloads]


def edges(
    cluster: Cluster, callers: Sequence[End], callees: Sequence[End], sides: Sequence[str] = ("egress", "ingress")
) -> set[Edge]:
    """All that are allowed from one of these to another, on the ports that it listens on, by both ends or by one."""
    policies = cluster.of("NetworkPolicy")
    return {
        Edge(caller.name, callee.name, port)
        for caller in callers
        for callee in callees
        for name, port in callee.ports.items()
        if caller != callee
        and ("egress" not in sides or _lets(policies, "egress", "to", caller, callee, name, port))
        and ("ingress" not in sides or _lets(policies, "ingress", "from", callee, caller, name, port))
    }


def outside(cluster: Cluster) -> set[tuple[str, str, int]]:
    """(pod, addresses, port) for each way out that is given by addresses."""
    return {
        (end.name, peer["ipBlock"]["cidr"], port["port"])
        for end in ends(cluster)
        for rule in _rules(cluster.of("NetworkPolicy"), "egress", end)
        for peer in rule.get("to", ())
        if "ipBlock" in peer
        for port in rule["ports"]
    }


def _lets(policies: Sequence[Object], way: str, peers: str, end: End, other: End, name: str, port: int) -> bool:
    if not end.closed or not any(_governs(policy, way, end) for policy in policies):
        return True
    return any(
        (not rule.get(peers) or any(_is(peer, other) for peer in rule[peers]))
        and (not rule.get("ports") or any(_covers(one, name, port) for one in rule["ports"]))
        for rule in _rules(policies, way, end)
    )


def _rules(policies: Sequence[Object], way: str, end: End) -> Iterator[Mapping[str, Any]]:
    for policy in policies:
        if _governs(policy, way, end):
            yield from policy["spec"].get(way, ())


def _governs(policy: Object, way: str, end: End) -> bool:
    spec = policy["spec"]
    return way.capitalize() in spec["policyTypes"] and selects(spec["podSelector"], end.labels)


def _is(peer: Mapping[str, Any], other: End) -> bool:
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace}):
            return False
    elif other.namespace != NAMESPACE:
        return False
    return selects(peer.get("podSelector", {}), other.labels)


def _covers(rule: Mapping[str, Any], name: str, port: int) -> bool:
    """A name is that of the callee's port."""
    wanted = rule["port"]
    return bool(wanted == name if isinstance(wanted, str) else wanted <= port <= rule.get("endPort", wanted))
