"""The pods and services of manifests, with what a mesh needs to know of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """The single pod of a Deployment. `ports` are the container's, by name."""

    namespace: str
    name: str
    account: str
    labels: Mapping[str, str]
    ports: Mapping[str, int]

    def selected_by(self, manifest: Object) -> bool:
        """Whether an Istio policy or filter applies to this pod."""
        # Objects in the root namespace apply to all namespaces.
        in_scope = manifest["metadata"]["namespace"] in (self.namespace, "istio-system")
        return in_scope and selector(manifest).items() <= self.labels.items()


def selector(manifest: Object) -> Mapping[str, str]:
    """The labels that a policy or filter selects; empty if it applies to all pods."""
    spec = manifest["spec"]
    labels = spec.get("selector", {}).get("matchLabels") or spec.get("workloadSelector", {}).get("labels") or {}
    return dict(labels)


INGRESS = Pod(
    "istio-ingress", "ingress", "istio-ingressgateway", {"istio": "ingressgateway"}, {"https": 8443, "http": 8080}
)


def pods(objects: Sequence[Object]) -> list[Pod]:
    return [
        _pod(manifest["metadata"], manifest["spec"]["template"])
        for manifest in objects
        if manifest["kind"] == "Deployment"
    ]


def _pod(metadata: Object, template: Object) -> Pod:
    container = next(container for container in template["spec"]["containers"] if container["name"] == "app")
    return Pod(
        metadata["namespace"],
        metadata["name"],
        template["spec"]["serviceAccountName"],
        template["metadata"]["labels"],
        {port["name"]: port["containerPort"] for port in container["ports"]},
    )


@dataclass(frozen=True)
class Service:
    """`ports` are the service's ports by name, each with its target port."""

    host: str
    selector: Mapping[str, str]
    ports: Mapping[str, tuple[int, str | int]]

    def endpoints(self, all_pods: Sequence[Pod], port: int, labels: Mapping[str, str]) -> list[tuple[Pod, int]]:
        """The pods behind a port that also have these labels, each with the target port."""
        target = next(target for number, target in self.ports.values() if number == port)
        return [
            (pod, pod.ports[target] if isinstance(target, str) else target)
            for pod in all_pods
            if self.selector.items() <= pod.labels.items() and labels.items() <= pod.labels.items()
        ]

    def port_name(self, port: int) -> str:
        return next(name for name, (number, _) in self.ports.items() if number == port)


def services(objects: Sequence[Object]) -> dict[str, Service]:
    """By fully qualified host name."""
    by_host = [
        _service(manifest["metadata"], manifest["spec"]) for manifest in objects if manifest["kind"] == "Service"
    ]
    return {service.host: service for service in by_host}


def _service(metadata: Object, spec: Object) -> Service:
    return Service(
        f"{metadata['name']}.{metadata['namespace']}.svc.cluster.local",
        spec.get("selector", {}),
        {port["name"]: (port["port"], port.get("targetPort", port["port"])) for port in spec["ports"]},
    )
