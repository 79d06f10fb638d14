"""The Istio objects are valid, match the manifests, and allow exactly the calls that the code makes."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.common import clients
from services.gateway.http.website import FILES_PREFIX
from tests.conftest import ROOT
from tests.deploy import declared_services, grpc_calls, istio_schemas, render
from tests.deploy.envoy.pods import Pod, pods, selector, services
from tests.deploy.workloads import Cluster

Object = dict[str, Any]

FOLDER = ROOT / "istio"
MESH = "cluster.local/ns/"
INGRESS = f"{MESH}istio-ingress/sa/istio-ingressgateway"
PROMETHEUS = f"{MESH}monitoring/sa/prometheus"


@pytest.fixture
def objects(cluster: Cluster) -> list[Object]:
    """All objects of an overlay, including Istio's."""
    return list(cluster.objects)


def of_istio(objects: list[Object], *kinds: str) -> list[Object]:
    selected = [manifest for manifest in objects if ".istio.io/" in manifest["apiVersion"]]
    return [manifest for manifest in selected if not kinds or manifest["kind"] in kinds]


def named(objects: list[Object], kind: str, name: str) -> Object:
    (manifest,) = (other for other in objects if (other["kind"], other["metadata"]["name"]) == (kind, name))
    return manifest


def rules(objects: list[Object], pod: Pod) -> Iterator[tuple[str, Object]]:
    """(policy, rule) for each rule of the policies that select the pod."""
    for policy in of_istio(objects, "AuthorizationPolicy"):
        if pod.selected_by(policy):
            for rule in policy["spec"].get("rules", []):
                yield policy["metadata"]["name"], rule


def allowed(objects: list[Object], pod: Pod, port: int) -> dict[str, set[str]]:
    """The paths that each caller may call on the port."""
    paths: dict[str, set[str]] = {}
    for _, rule in rules(objects, pod):
        for operation in (entry["operation"] for entry in rule.get("to", [{"operation": {}}])):
            if str(port) in operation.get("ports", [str(port)]):
                sources = [entry["source"] for entry in rule.get("from", [{"source": {}}])]
                for caller in (name for source in sources for name in source.get("principals", ["anybody"])):
                    paths.setdefault(caller, set()).update(operation.get("paths", ["*"]))
    return paths


def seen_pods(objects: list[Object]) -> list[Pod]:
    return [pod for pod in pods(objects) if pod.namespace == "seen"]


# The objects themselves


def test_objects_are_valid(objects: list[Object]) -> None:
    faults = [fault for manifest in of_istio(objects) for fault in istio_schemas.faults(manifest)]
    assert not faults, "\n".join(faults)


def test_the_overlay_contains_every_object_of_the_folder_istio(objects: list[Object]) -> None:
    def names(manifests: list[Object]) -> set[tuple[str, ...]]:
        return {
            (manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"])
            for manifest in of_istio(manifests)
        }

    assert names(render.istio()) <= names(objects)


def test_objects_use_stable_api_versions(objects: list[Object]) -> None:
    versions = {manifest["kind"]: manifest["apiVersion"].partition("/")[2] for manifest in of_istio(objects)}
    assert versions.pop("EnvoyFilter") == "v1alpha3"
    assert set(versions.values()) == {"v1"}


def test_the_operators_values_replace_all_placeholders(cluster: Cluster, objects: list[Object]) -> None:
    settings = cluster.operator_values
    hosts = [server["hosts"] for gateway in of_istio(objects, "Gateway") for server in gateway["spec"]["servers"]]
    hosts += [
        manifest["spec"]["hosts"] for manifest in of_istio(objects, "VirtualService") if "gateways" in manifest["spec"]
    ]
    assert hosts == [[settings["SEEN_DOMAIN"]]] * 4
    (authentication,) = of_istio(objects, "RequestAuthentication")
    assert authentication["spec"]["jwtRules"] == [
        {
            "issuer": f"{settings['SEEN_AUTH0_URL']}/",
            "jwksUri": f"{settings['SEEN_AUTH0_URL']}/.well-known/jwks.json",
            "audiences": [settings["SEEN_AUTH0_AUDIENCE"]],
            "forwardOriginalToken": True,
        }
    ]


# Policies


def test_both_namespaces_deny_by_default(objects: list[Object]) -> None:
    policies = of_istio(objects, "AuthorizationPolicy")
    empty = [policy["metadata"]["namespace"] for policy in policies if policy["spec"] == {}]
    assert sorted(empty) == ["istio-ingress", "seen"]


def test_policies_allow_the_callers_that_the_settings_name_and_the_ingress_and_prometheus(
    cluster: Cluster, objects: list[Object]
) -> None:
    """Compares callers and ports; the next test compares methods, and test_network.py the NetworkPolicies."""
    expected = {(f"{MESH}seen/sa/{caller}", callee, port) for caller, callee, port in cluster.needed_calls()}
    expected |= {(PROMETHEUS, pod.name, pod.ports["http-metrics"]) for pod in seen_pods(objects)}
    expected |= {(INGRESS, "gateway", cluster.deployment("gateway").ports["http"])}
    assert expected == {
        (caller, pod.name, port)
        for pod in seen_pods(objects)
        for port in pod.ports.values()
        for caller in allowed(objects, pod, port)
    }


def test_a_service_allows_each_caller_the_methods_that_its_code_calls(cluster: Cluster, objects: list[Object]) -> None:
    calls = {
        f"{MESH}seen/sa/{workload.name}": grpc_calls.calls(workload.name, cluster.datasets)
        for workload in cluster.deployments
    }
    for pod in seen_pods(objects):
        if pod.name == "gateway":
            continue
        paths, port = allowed(objects, pod, pod.ports["grpc"]), pod.ports["grpc"]
        unknown = set().union(*paths.values()) - grpc_calls.all_paths()
        assert not unknown, f"{pod.name}: no proto has {unknown}"
        for caller in sorted(paths.keys() | calls.keys()):
            called, admitted = calls.get(caller, {}).get(pod.name, set()), paths.get(caller, set())
            unused, missing = sorted(admitted - called), sorted(called - admitted)
            assert not unused, f"{pod.name}:{port} allows {caller} methods that it never calls: {unused}"
            assert not missing, f"{pod.name}:{port} does not allow {caller} methods that it calls: {missing}"


def test_policies_and_filters_select_existing_pods(objects: list[Object]) -> None:
    existing = [pod.labels for pod in pods(objects)] + [{"istio": "ingressgateway"}]
    for manifest in of_istio(objects, "AuthorizationPolicy", "RequestAuthentication", "EnvoyFilter"):
        name, labels = manifest["metadata"]["name"], selector(manifest)
        assert any(labels.items() <= others.items() for others in existing), f"{name}: no pod has {labels}"


def test_policies_name_existing_ports_and_service_accounts(objects: list[Object]) -> None:
    ports = {str(port) for pod in seen_pods(objects) for port in pod.ports.values()}
    accounts = {
        f"{MESH}{manifest['metadata']['namespace']}/sa/{manifest['metadata']['name']}"
        for manifest in [*objects, *render.monitoring()]
        if manifest["kind"] == "ServiceAccount"
    }
    for pod in seen_pods(objects):
        for policy, rule in rules(objects, pod):
            rule_ports = {port for entry in rule.get("to", []) for port in entry["operation"].get("ports", [])}
            assert rule_ports <= ports, f"{policy} names {rule_ports - ports}"
            callers = {name for entry in rule.get("from", []) for name in entry["source"].get("principals", [])}
            assert callers - {INGRESS} <= accounts, f"{policy} names {callers - accounts}"


# Routes and connections


def test_every_destination_has_a_service_with_the_port_and_pods_of_the_subset(objects: list[Object]) -> None:
    by_host = services(objects)
    subsets = {
        (rule["spec"]["host"], subset["name"]): subset["labels"]
        for rule in of_istio(objects, "DestinationRule")
        for subset in rule["spec"]["subsets"]
    }
    for route in of_istio(objects, "VirtualService"):
        for weighted in route["spec"]["http"][0]["route"]:
            destination = weighted["destination"]
            name = f"{route['metadata']['name']} {destination}"
            assert destination["host"] in by_host, f"{name}: there is no such Service"
            service = by_host[destination["host"]]
            port = destination.get("port", {}).get("number", service.ports.get("grpc", (0, 0))[0])
            assert port in [number for number, _ in service.ports.values()], f"{name}: the Service has no port {port}"
            labels = subsets[destination["host"], destination["subset"]] if "subset" in destination else {}
            if weighted.get("weight", 100):
                assert service.endpoints(pods(objects), port, labels), f"{name}: no pods have {labels}"


def test_routes_have_no_retries_and_no_timeouts(objects: list[Object]) -> None:
    for route in of_istio(objects, "VirtualService"):
        name = route["metadata"]["name"]
        if name == "website":
            continue
        for entry in route["spec"]["http"]:
            assert entry.get("retries") == {"attempts": 0}, f"{name}: without attempts: 0 Istio retries twice"
            assert "timeout" not in entry, f"{name}: the gateway sets the deadline"
    assert "retryPolicy" in Path(clients.__file__).read_text(encoding="utf-8")


def test_only_the_websites_files_are_looked_for_at_several_pods(objects: list[Object]) -> None:
    route = named(objects, "VirtualService", "website")
    (entry,) = route["spec"]["http"]
    assert entry["match"] == [{"uri": {"prefix": FILES_PREFIX}}]
    assert "404" in entry["retries"]["retryOn"].split(",")
    (destination,) = entry["route"]
    assert "subset" not in destination["destination"], "a canary's files are at the canary's pods only"


def test_mutual_tls_is_strict(objects: list[Object]) -> None:
    (policy,) = of_istio(objects, "PeerAuthentication")
    assert (policy["metadata"]["namespace"], policy["spec"]) == ("istio-system", {"mtls": {"mode": "STRICT"}})


def test_the_ingress_uses_tls_1_2_or_later_with_the_operators_certificate(objects: list[Object]) -> None:
    (gateway,) = of_istio(objects, "Gateway")
    servers = {server["port"]["number"]: server["tls"] for server in gateway["spec"]["servers"]}
    assert servers[443] == {"mode": "SIMPLE", "credentialName": "seen-tls", "minProtocolVersion": "TLSV1_2"}
    assert servers[80] == {"httpsRedirect": True}


# The canary


@pytest.fixture(scope="module")
def with_canaries(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """The overlay gke with a copy of the component for every service."""
    folder = tmp_path_factory.mktemp("canaries")
    for service in declared_services.services():
        (folder / service).mkdir()
        for file in (FOLDER / "canary" / "library").iterdir():
            copy = file.read_text(encoding="utf-8").replace("library", service)
            (folder / service / file.name).write_text(copy, encoding="utf-8")
    overlay = os.path.relpath(ROOT / "k8s" / "overlays" / "gke", folder)
    components = ", ".join(declared_services.services())
    (folder / "kustomization.yaml").write_text(f"resources: [{overlay}]\ncomponents: [{components}]\n")
    return render.folder(folder)


@pytest.mark.parametrize("service", sorted(declared_services.services()))
def test_the_canary_component_can_be_copied_for_any_service(service: str, with_canaries: list[Object]) -> None:
    stable, canary = (pod for pod in seen_pods(with_canaries) if pod.labels["app.kubernetes.io/name"] == service)
    assert {**stable.labels, "version": "canary"} == canary.labels
    assert (canary.account, canary.ports) == (stable.account, stable.ports)
    route = named(with_canaries, "VirtualService", service)
    weights = [(entry["destination"]["subset"], entry["weight"]) for entry in route["spec"]["http"][0]["route"]]
    assert weights == [("stable", 90), ("canary", 10)]
    deployment = named(with_canaries, "Deployment", f"{service}-canary")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == f"seen/{service}-canary"


# Documentation


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.yaml")), ids=lambda file: str(file.relative_to(FOLDER)))
def test_every_file_begins_with_a_comment_and_is_in_the_readme(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith("# ")
    if file.name != "kustomization.yaml":
        assert f"`{file.relative_to(FOLDER)}`" in (FOLDER / "README.md").read_text(encoding="utf-8")
