"""The configuration of one Envoy that acts as every proxy of the mesh: the ingress, and the in- and outbound proxies.

Each pod has its own loopback address, on which its proxy listens on the container's ports, as in a cluster. The service
itself is the suite's, on 127.0.0.1. Calls between proxies use certificates of the pods' service accounts, which the
policies check.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.deploy.envoy import access, filters, traffic
from tests.deploy.envoy.certificates import TRUST_DOMAIN, Authority, Certificate
from tests.deploy.envoy.pods import INGRESS, Pod, pods, services

Object = dict[str, Any]

# The ingress cannot have ports below 1024 here.
INGRESS_PORTS = {443: 8443, 80: 8080}
OUTBOUND_PORT = 15001
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
}
MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"


class Mesh:
    """`objects` are rendered manifests including Istio's. `offset` plus a container's port is the suite's port."""

    def __init__(self, objects: Sequence[Object], folder: Path, offset: int) -> None:
        self._objects = objects
        self._offset = offset
        self.pods = pods(objects)
        self._services = services(objects)
        self.log = folder / "access.log"
        self.mesh_certificates = Authority(folder / "mesh", "mesh")
        self.public_certificates = Authority(folder / "public", "public")
        # A random part of 127.0.0.0/8, so that two instances do not conflict.
        self._network = f"127.{random.randrange(1, 255)}.{random.randrange(255)}"
        self._rules = {rule["spec"]["host"]: rule for rule in self._all("DestinationRule")}
        self._clusters: dict[str, Object] = {}

    def config(self) -> Object:
        listeners = [*self._ingress(), *self._inbound(), *self._outbound()]
        return {
            "admin": {"address": traffic.address(*self.admin)},
            "static_resources": {"listeners": listeners, "clusters": list(self._clusters.values())},
        }

    @property
    def admin(self) -> tuple[str, int]:
        return f"{self._network}.1", 15000

    def ingress(self, port: int) -> tuple[str, int]:
        """The local address of port 443 or 80 of the ingress."""
        return f"{self._network}.2", INGRESS_PORTS[port]

    def inbound(self, pod: Pod) -> str:
        """The pod's address, with a listener for each port of its container."""
        return f"{self._network}.{10 + self.pods.index(pod)}"

    def outbound(self, pod: Pod) -> tuple[str, int]:
        """The address of the pod's proxy for outbound calls."""
        return f"{self._network}.{100 + self.pods.index(pod)}", OUTBOUND_PORT

    def pod(self, name: str) -> Pod:
        return next(pod for pod in self.pods if pod.name == name)

    def certificate(self, pod: Pod) -> Certificate:
        return self.mesh_certificates.for_account(pod.namespace, pod.account)

    def _all(self, kind: str) -> list[Object]:
        return [manifest for manifest in self._objects if manifest["kind"] == kind]

    def _for(self, pod: Pod, kind: str) -> list[Object]:
        return [manifest for manifest in self._all(kind) if pod.selected_by(manifest)]

    def _ingress(self) -> Iterable[Object]:
        for gateway in self._all("Gateway"):
            if not gateway["spec"]["selector"].items() <= INGRESS.labels.items():
                continue
            name = f"{gateway['metadata']['namespace']}/{gateway['metadata']['name']}"
            for server in gateway["spec"]["servers"]:
                redirect = server.get("tls", {}).get("httpsRedirect", False)
                routed = [
                    service
                    for service in self._all("VirtualService")
                    if name in service["spec"].get("gateways", []) and service["spec"]["hosts"] == server["hosts"]
                ]
                hosts = [traffic.virtual_host(routed, self._cluster_for(INGRESS), redirect)]
                address = self.ingress(server["port"]["number"])
                tls = None if redirect else self._public_tls(server)
                yield self._listener(server["port"]["name"], address, INGRESS, hosts, [_chain(tls)], edge=True)

    def _public_tls(self, server: Object) -> Object:
        certificate = self.public_certificates.for_host(server["hosts"][0])
        minimum = server["tls"]["minProtocolVersion"].replace("V", "v")  # Envoy's spelling is TLSv1_2
        return _socket("Downstream", certificate, tls_params={"tls_minimum_protocol_version": minimum})

    def _inbound(self) -> Iterable[Object]:
        for pod in self.pods:
            strict = {policy["spec"]["mtls"]["mode"] for policy in self._for(pod, "PeerAuthentication")} == {"STRICT"}
            chains = [_chain(self._mesh_tls(pod), "tls")] + ([] if strict else [_chain(None, "raw_buffer")])
            for port_name, port in pod.ports.items():
                name = f"{pod.name}:{port_name}"
                local = ("127.0.0.1", port + self._offset)
                self._clusters[name] = traffic.static(name, [local], http2=port_name == "grpc")
                route = {"match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "0s"}}
                hosts = [{"name": name, "domains": ["*"], "routes": [route]}]
                yield self._listener(name, (self.inbound(pod), port), pod, hosts, chains)

    def _mesh_tls(self, pod: Pod) -> Object:
        trusted = self._peer("prefix", f"spiffe://{TRUST_DOMAIN}/")
        return _socket("Downstream", self.certificate(pod), trusted, require_client_certificate=True)

    def _outbound(self) -> Iterable[Object]:
        for pod in self.pods:
            hosts = [
                traffic.virtual_host([service], self._cluster_for(pod))
                for service in self._all("VirtualService")
                if "gateways" not in service["spec"]
            ]
            chains = [_chain(None)]
            yield self._listener(f"out of {pod.name}", self.outbound(pod), pod, hosts, chains, inbound=False)

    def _cluster_for(self, pod: Pod) -> traffic.Naming:
        """Creates the Envoy cluster of a destination for this pod's proxy and returns its name."""

        def cluster(destination: Mapping[str, Any]) -> str:
            service, rule = self._services[destination["host"]], self._rules[destination["host"]]
            port = destination.get("port", {}).get("number") or service.ports["grpc"][0]
            subsets = {subset["name"]: subset["labels"] for subset in rule["spec"]["subsets"]}
            subset = destination.get("subset", "all")
            endpoints = service.endpoints(self.pods, port, subsets[subset] if "subset" in destination else {})
            name = f"{pod.name}-to-{destination['host']}-{port}-{subset}"
            accounts = {f"spiffe://{TRUST_DOMAIN}/ns/{other.namespace}/sa/{other.account}" for other, _ in endpoints}
            tls = _socket("Upstream", self.certificate(pod), self._peer("exact", *accounts))
            addresses = [(self.inbound(other), target) for other, target in endpoints]
            http2 = service.port_name(port) == "grpc"
            self._clusters[name] = traffic.cluster(name, rule, addresses, http2, tls)
            return name

        return cluster

    def _peer(self, how: str, *names: str) -> Object:
        """Requires the peer to present a mesh certificate with one of these names."""
        return {
            "trusted_ca": {"filename": str(self.mesh_certificates.root)},
            "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {how: name}} for name in sorted(names)],
        }

    def _listener(
        self,
        name: str,
        address: tuple[str, int],
        pod: Pod,
        virtual_hosts: Sequence[Object],
        chains: Sequence[Object],
        edge: bool = False,
        inbound: bool = True,
    ) -> Object:
        inbound_filters = [
            *access.jwt_filter(self._for(pod, "RequestAuthentication")),
            *access.rbac_filter(self._for(pod, "AuthorizationPolicy")),
        ]
        manager = {
            "@type": MANAGER,
            "stat_prefix": name,
            "use_remote_address": edge,
            "normalize_path": True,
            "http_filters": [*(inbound_filters if inbound else []), ROUTER],
            "route_config": {"name": name, "virtual_hosts": virtual_hosts},
            "access_log": filters.access_logs(self._for(pod, "Telemetry"), self.log),
        }
        if edge:
            manager = filters.apply(self._for(pod, "EnvoyFilter"), manager)
        network_filter = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        inspector = {
            "name": "envoy.filters.listener.tls_inspector",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
            },
        }
        return {
            "name": name,
            "address": traffic.address(*address),
            "listener_filters": [inspector],
            "filter_chains": [{**chain, "filters": [network_filter]} for chain in chains],
        }


def _chain(tls: Object | None, protocol: str | None = None) -> Object:
    match = {"filter_chain_match": {"transport_protocol": protocol}} if protocol else {}
    return match | ({"transport_socket": tls} if tls else {})


def _socket(
    side: str, own: Certificate, peer: Object | None = None, tls_params: Object | None = None, **more: Any
) -> Object:
    common: Object = {
        "tls_certificates": [
            {"certificate_chain": {"filename": str(own.chain)}, "private_key": {"filename": str(own.key)}}
        ]
    }
    if peer:
        common["validation_context"] = peer
    if tls_params:
        common["tls_params"] = tls_params
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {"@type": f"{TLS}.{side}TlsContext", "common_tls_context": common, **more},
    }
